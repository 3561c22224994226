"""The measures. What they add up is exact in MySQL's views already, so the formulas stay short.

A measure's name says its unit; powers are shown in MW and energies in GWh.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from courant.domain.calendar import SLOT_MINUTES
from courant.domain.contract import Contract, Field
from courant.powerbi.columns import is_number, label_without_unit
from courant.powerbi.forecast_measures import forecast_measures, score_measures
from courant.powerbi.values import Measure, Table
from courant.powerbi.words import BALANCE, CONSUMPTION, FORECAST, SCORES, SEGMENTS, SLOTS

#: Fields whose values of several rows may be added up; what no one listed is averaged, which is never too much.
ADDITIVE = ("total_energie_soutiree_wh",)
_HOURS = SLOT_MINUTES / 60
POWER, ENERGY, PEAK, QUALITY, OTHER = "Puissance moyenne", "Énergie", "Pointe", "Complétude", "Moyennes"
_TENTHS, _SHARE = "#,0.0", "0.0 %"


def with_measures(
    tables: Sequence[Table], contracts: Sequence[Contract], *, step_minutes: int
) -> list[Table]:
    """Give each fact its measures, in the order of its columns."""
    names = {table.name for table in tables}
    slots = next(table for table in tables if table.name == SLOTS)
    fields = {f.column: f for contract in contracts for f in contract.measures}
    known: dict[str, Callable[[Table], list[Measure]]] = {
        BALANCE: lambda table: [*_balance(table, fields), _completeness(table, slots, step_minutes)],
        CONSUMPTION: _consumption,
        FORECAST: lambda table: forecast_measures(
            table, has_balance=BALANCE in names, has_regions=CONSUMPTION in names
        ),
        SCORES: score_measures,
    }
    views = {contract.view for contract in contracts}
    return [
        replace(table, measures=tuple(known[table.name](table)))
        if table.name in known
        else replace(table, measures=tuple(_view(table, fields)))
        if table.mysql in views
        else table
        for table in tables
    ]


def _balance(table: Table, fields: dict[str, Field]) -> list[Measure]:
    """Give three measures of each power, one of everything else. Rows are half hours, each there once."""
    own = [fields[c.source] for c in table.columns if c.source in fields and is_number(fields[c.source])]
    return [m for f in own for m in (_of_power(table, f) if f.unit == "W" else [_mean(table, f)])]


def _of_power(table: Table, field: Field) -> list[Measure]:
    name, column = label_without_unit(field), table.ref(field.column)
    return [
        Measure(f"{name} (MW)", f"AVERAGE({column}) / 1000000", _TENTHS, POWER, f"Mean power. {field.description}"),
        Measure(
            f"{name} (GWh)", f"SUM({column}) * {_HOURS} / 1000000000", _TENTHS, ENERGY,
            f"Energy: the powers of all known half hours, each for half an hour. {field.description}",
        ),
        Measure(
            f"{name}, pointe (MW)", f"MAX({column}) / 1000000", _TENTHS, PEAK,
            f"Highest mean power of a half hour. {field.description}",
        ),
    ]  # fmt: skip


def _mean(table: Table, field: Field) -> Measure:
    unit = f" ({field.unit})" if field.unit else ""
    name = f"{label_without_unit(field)}, moyenne{unit}"
    return Measure(name, f"AVERAGE({table.ref(field.column)})", "#,0.00", OTHER, f"Mean. {field.description}")


def _completeness(table: Table, slots: Table, step_minutes: int) -> Measure:
    """Hold the known half hours against those between the first and the last known one."""
    start, slot = table.ref("slot_start_utc"), slots.ref("slot_start_utc")
    expected = f"COUNTROWS({slots.dax_name})" + (
        f" * {step_minutes} / {SLOT_MINUTES}" if step_minutes != SLOT_MINUTES else ""
    )
    dax = (
        f"VAR first_known = CALCULATE(MIN({start}), ALL({table.dax_name}))\n"
        f"VAR last_known = CALCULATE(MAX({start}), ALL({table.dax_name}))\n"
        "VAR expected =\n"
        f"    CALCULATE({expected}, KEEPFILTERS({slot} >= first_known && {slot} <= last_known))\n"
        f"RETURN\n    DIVIDE(COUNTROWS({table.dax_name}), expected)"
    )
    return Measure(
        "Complétude du bilan", dax, _SHARE, QUALITY, "Known half hours of those that should be known by now."
    )


def _consumption(table: Table) -> list[Measure]:
    """Give the measures of half hours by data set, region and profile: energies add up over all three."""
    energy, start = table.ref("energy_wh"), table.ref("slot_start_utc")
    slots, rows = f"VALUES({start})", f"SUM({table.ref('segments')})"
    return [
        Measure(
            "Énergie soutirée (GWh)", f"SUM({energy}) / 1000000000", "#,0.00", ENERGY, "Energy; each half hour once.",
        ),
        Measure(
            "Puissance soutirée (MW)", f"DIVIDE(SUM({energy}), DISTINCTCOUNT({start}) * {_HOURS}) / 1000000",
            _TENTHS, POWER, "Mean power over the half hours that are known.",
        ),
        Measure(
            "Puissance soutirée, pointe (MW)",
            f"MAXX({slots}, CALCULATE(SUM({energy}))) / {_HOURS} / 1000000",
            _TENTHS, PEAK, "Highest mean power of a half hour, of all that is chosen together.",
        ),
        Measure(
            "Points de soutirage (moyenne)",
            f"AVERAGEX({slots}, CALCULATE(SUM({table.ref('sites')})))", "#,0", OTHER,
            "Sites of all that is chosen, as the mean over the half hours.",
        ),
        Measure(
            "Part non masquée", f"DIVIDE({rows} - SUM({table.ref('masked')}), {rows})",
            _SHARE, QUALITY, "Share of the published rows whose energy is not secret.",
        ),
    ]  # fmt: skip


def _view(table: Table, fields: dict[str, Field]) -> list[Measure]:
    """Give a measure of each number of a view that we know no more of than its contract says."""
    own = [fields[c.source] for c in table.columns if c.source in fields and is_number(fields[c.source])]
    return [_sum(table, f) if f.name in ADDITIVE else _mean_of(table, f) for f in own]


def _sum(table: Table, field: Field) -> Measure:
    name = f"{label_without_unit(field)} des segments (GWh)"
    return Measure(
        name, f"SUM({table.ref(field.column)}) / 1000000000", "#,0.00", ENERGY,
        f"Parts only, so without what is secret in a part. {field.description}",
    )  # fmt: skip


def _mean_of(table: Table, field: Field) -> Measure:
    """Name the table too where it is not the balance: two data sets may use one label."""
    measure = _mean(table, field)
    return measure if table.name == SEGMENTS else replace(measure, name=f"{measure.name} – {table.name}")
