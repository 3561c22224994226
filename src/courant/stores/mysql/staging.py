"""Late facts beside the facts that are there: staged in a table of the session, then compared, in SQL alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import pyarrow as pa

from courant.domain.contract import Contract
from courant.stores.mysql.batch import lines_of
from courant.stores.mysql.checks import beyond, of_data_set
from courant.stores.mysql.connection import LoadConnection, query
from courant.stores.mysql.loading import Target, load
from courant.stores.mysql.schema import TABLE_OPTIONS, fact_column_types, fact_key, joined_dimensions

Place = tuple[int, int, int]  # epoch, partition, offset

_STAGED = "late_fact"
_PLACE = ("source_epoch", "source_partition", "source_offset")


@dataclass(frozen=True, slots=True)
class Span:
    """Instants from `start` to before `end`; None is without bound."""

    start: datetime | None = None
    end: datetime | None = None


def stage(connection: LoadConnection, contract: Contract, facts: Target, table: pa.Table) -> dict[Place, int]:
    """Load accepted lines into a table that only this session sees, one row per record.

    Parameters
    ----------
    table
        `LOAD_COLUMNS` of transforms.load_lines, and `_epoch`.

    Returns
    -------
    dict
        The places of the records that the database refuses, with its error number.
    """
    columns = ", ".join(f"`{name}` {kind}" for name, kind in fact_column_types(contract).items())
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TEMPORARY TABLE IF EXISTS {_STAGED}")
        cursor.execute(
            f"CREATE TEMPORARY TABLE {_STAGED} ({columns}, PRIMARY KEY ({', '.join(_PLACE)})) {TABLE_OPTIONS}"
        )
    refused = load(connection, replace(facts, table=_STAGED), lines_of(table["_fact_line"]))
    connection.commit()
    accepted = table.filter(table["_fact_line"].is_valid()).select(["_epoch", "_partition", "_offset"])
    places = accepted.take(pa.array(refused, pa.int64())).to_pylist()
    return {tuple(place.values()): refused[row] for row, place in zip(refused, places, strict=True)}


def drop_strangers(connection: LoadConnection, contract: Contract) -> list[Place]:
    """Unstage facts that refer to members which the database did not take; give their places."""
    strangers: list[Place] = []
    for table in contract.fact_dimensions:
        key = contract.dimension(table).key
        orphans = f"FROM {_STAGED} l LEFT JOIN `{table}` d ON d.`{key}` = l.`{key}` WHERE d.`{key}` IS NULL"
        places = query(connection, f"SELECT {_listed('l', _PLACE)} {orphans}")
        strangers += [tuple(place.values()) for place in places]
        _change(connection, f"DELETE l {orphans}")
    return strangers


def mark_replayed(connection: LoadConnection, dataset: str, at: datetime) -> int:
    """Mark the open rejects whose records are staged; give their number."""
    return _change(
        connection,
        "UPDATE reject r JOIN topic_epoch e ON e.dataset = r.dataset AND e.topic_id = r.topic_id"
        f" JOIN {_STAGED} l ON l.source_epoch = e.epoch AND l.source_partition = r.partition_id"
        " AND l.source_offset = r.record_offset"
        " SET r.replayed_at = %s WHERE r.dataset = %s AND r.replayed_at IS NULL",
        (at, dataset),
    )


def delete_facts(
    connection: LoadConnection, contract: Contract, span: Span, *, epoch: int, ends: dict[int, int]
) -> set[date]:
    """Delete the data set's facts of a span that come from below `ends` (next offset per partition) of the epoch.

    Returns
    -------
    set
        The UTC days that had some.
    """
    instant = f"f.`{contract.instant.column}`"
    later, parameters = beyond(epoch, ends)
    bounds = {f"{instant} >= %s": span.start, f"{instant} < %s": span.end}
    inside = {condition: bound for condition, bound in bounds.items() if bound is not None}
    joins, _ = joined_dimensions(contract)
    where = " AND ".join([*inside, of_data_set(contract), f"NOT {later}"])
    facts = f"FROM `{contract.table}` f {joins} WHERE {where}"
    values = (*inside.values(), *parameters)
    days = query(connection, f"SELECT DISTINCT DATE({instant}) AS day {facts}", values)
    _change(connection, f"DELETE f {facts}", values)
    return {row["day"] for row in days}


def keep_newer(connection: LoadConnection, contract: Contract, columns: Iterable[str]) -> set[date]:
    """Take over staged facts that are newer than those of their keys, the newest of each key.

    Returns
    -------
    set
        The UTC days that have some.
    """
    same_key = " AND ".join(f"f.`{name}` = l.`{name}`" for name in fact_key(contract))
    _change(
        connection,
        f"DELETE l FROM {_STAGED} l JOIN `{contract.table}` f ON {same_key} WHERE f.source_epoch > l.source_epoch"
        " OR (f.source_epoch = l.source_epoch AND f.source_offset >= l.source_offset)",
    )
    days = query(connection, f"SELECT DISTINCT DATE(`{contract.instant.column}`) AS day FROM {_STAGED}")
    names = ", ".join(f"`{name}`" for name in columns)
    # In this order a later record of a key replaces the earlier one.
    _change(
        connection,
        f"REPLACE INTO `{contract.table}` ({names}) SELECT {names} FROM {_STAGED}"
        " ORDER BY source_epoch, source_offset",
    )
    return {row["day"] for row in days}


def _change(connection: LoadConnection, sql: str, parameters: tuple[Any, ...] = ()) -> int:
    with connection.cursor() as cursor:
        return int(cursor.execute(sql, parameters))


def _listed(alias: str, columns: Iterable[str]) -> str:
    return ", ".join(f"{alias}.{column}" for column in columns)
