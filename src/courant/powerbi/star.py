"""The star: facts around days, slots and dimensions, made of the contracts. A new contract adds its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import gcd

from courant.domain.calendar import SLOT_MINUTES
from courant.domain.contract import Contract
from courant.powerbi import facts
from courant.powerbi.calendar import calendar_table, slot_table
from courant.powerbi.columns import TOTAL_FLAG, dimension_columns
from courant.powerbi.measures import with_measures
from courant.powerbi.queries import PARAMETERS, read_mysql
from courant.powerbi.values import Kind, Model, Relationship, Table
from courant.powerbi.words import CALENDAR, SLOTS

NAME = "Courant"


def build_model(contracts: Mapping[str, Contract]) -> Model:
    """Make the model of all data sets that have a contract.

    Returns
    -------
    Model
        Tables in the order people look for them. Every relationship is many to one and points away from the facts.
    """
    known = list(contracts.values())
    step = _slot_minutes(known)
    shared = [
        calendar_table(), slot_table(step), *_dimension_tables(known), facts.dataset_table(known), facts.series_table(),
    ]  # fmt: skip
    tables = [*_fact_tables(known), facts.forecast_table(), facts.score_table()]
    relationships = [r for table in tables for r in _relationships(table, shared)]
    day = Relationship(SLOTS, shared[1].column("paris_day").name, CALENDAR, shared[0].column("date").name)
    measured = with_measures([*tables, *shared], known, step_minutes=step)
    return Model(NAME, PARAMETERS, tuple(measured), (day, *relationships))


def _fact_tables(contracts: Sequence[Contract]) -> list[Table]:
    """Make the facts; data sets that share a view share its table."""
    tables: dict[str, Table] = {}
    for contract in contracts:
        if contract.table == "balance":
            tables.setdefault("balance", facts.balance_table(contract))
            continue
        if contract.table == "consumption":
            tables.setdefault("consumption", facts.consumption_table(contract))
        sharing = [other for other in contracts if other.view == contract.view]
        tables.setdefault(contract.view, facts.view_table(facts.table_name(contract), sharing))
    return list(tables.values())


def _dimension_tables(contracts: Sequence[Contract]) -> list[Table]:
    names = dict.fromkeys(d.table for contract in contracts for d in contract.dimensions)
    return [table for name in names if (table := _dimension_table(contracts, name)) is not None]


def _dimension_table(contracts: Sequence[Contract], name: str) -> Table | None:
    """Make the table of a dimension's members, without totals; None where it only ties others together."""
    columns = dimension_columns(contracts, name)
    if not columns:
        return None
    has_totals = any(
        c.name == TOTAL_FLAG
        for contract in contracts
        for d in contract.dimensions
        if d.table == name
        for c in d.columns
    )
    only = (f"[{TOTAL_FLAG}] = false",) if has_totals else ()
    shown = next((c for c in columns[1:] if c.kind is Kind.TEXT), columns[0])
    keyed = replace(columns[0], is_hidden=shown is not columns[0])
    description = f"Members of {name}." + (" Totals of other members are left out." if has_totals else "")
    return Table(
        shown.name, description, (keyed, *columns[1:]), read_mysql(name, columns, only=only), mysql=name
    )


def _relationships(fact: Table, shared: Sequence[Table]) -> list[Relationship]:
    """Tie a fact to each table whose key it carries under the same name, and days to the calendar."""
    ties = []
    for table in shared:
        key = next(c for c in table.columns if c.is_key)
        own = "paris_day" if table.name == CALENDAR else key.source
        if fact.has(own):
            ties.append(Relationship(fact.name, fact.column(own).name, table.name, key.name))
    return ties


def _slot_minutes(contracts: Sequence[Contract]) -> int:
    """Give the longest slot that all facts' instants begin one of; the balance's are half hours here."""
    steps = [minutes for c in contracts if c.table != "balance" for minutes in c.steps_minutes]
    return gcd(SLOT_MINUTES, *steps)
