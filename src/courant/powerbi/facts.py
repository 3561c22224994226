"""The fact tables: half hours of balance and consumption, the view of each other data set, and the forecasts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from courant.domain.contract import Contract
from courant.powerbi.columns import TOTAL_FLAG, field_column, is_number, kind_of, natural_key, own_column
from courant.powerbi.queries import let, read_mysql, text
from courant.powerbi.values import Column, Kind, Table
from courant.powerbi.words import (
    BALANCE,
    CONSUMPTION,
    DATASETS,
    FORECAST,
    OWN_COLUMNS,
    SCORES,
    SEGMENTS,
    SERIES,
)

START = "slot_start_utc"
_FROM = f"[{START}] >= ImportFrom"
_START_COLUMN = own_column(START, Kind.INSTANT, is_hidden=True)


def balance_table(contract: Contract) -> Table:
    """Make the table of the national balance, half hour by half hour."""
    means = [field_column(f, mean_of_steps=True) for f in contract.measures if is_number(f)]
    columns = (_START_COLUMN, *means, own_column("steps", Kind.WHOLE, is_hidden=True))
    return _mysql_table(BALANCE, contract.description, f"{contract.view}_half_hour", columns, only=(_FROM,))


def consumption_table(contract: Contract) -> Table:
    """Make the table of consumption by data set, region and profile, where totals and parts are one figure."""
    columns = (
        _START_COLUMN,
        *_hidden({"series": Kind.TEXT, "dataset": Kind.TEXT}),
        *[_hidden_key(contract, "region"), _hidden_key(contract, "profile")],
        *_hidden(dict.fromkeys(("energy_wh", "sites", "segments", "masked"), Kind.WHOLE)),
    )
    description = (
        "Consumption by half hour, data set, region and profile. Each half hour counts once: the greater of the"
        " published totals and the sum of their parts."
    )
    return _mysql_table(CONSUMPTION, description, f"{contract.view}_half_hour", columns, only=(_FROM,))


def view_table(name: str, contracts: Sequence[Contract]) -> Table:
    """Make the table of a view as it is, without totals: its keys, and each field of the contracts that share it."""
    contract = contracts[0]
    flags = [c.name for d in contract.dimensions for c in d.columns if c.name == TOTAL_FLAG]
    columns = {_START_COLUMN.source: _START_COLUMN} | {c.source: c for c in _keys(contract)}
    for one in contracts:
        columns |= {f.column: field_column(f) for f in one.measures if f.column not in columns}
    without = " Totals are left out: only parts are here." if flags else ""
    only = (_FROM, *[f"[{flag}] = false" for flag in flags])
    return _mysql_table(
        name,
        " ".join(one.description for one in contracts) + without,
        contract.view,
        tuple(columns.values()),
        only=only,
    )


def forecast_table() -> Table:
    """Make the table of the forecasts."""
    columns = (
        _START_COLUMN,
        *_hidden({"series": Kind.TEXT} | dict.fromkeys(("power_w", "low_w", "high_w"), Kind.NUMBER)),
        own_column("model", Kind.TEXT),
        own_column("model_version", Kind.WHOLE),
        own_column("made_at", Kind.INSTANT),
    )
    return _mysql_table(
        FORECAST, "Forecasts of the next day, by half hour and series.", "forecast", columns, only=(_FROM,)
    )


def score_table() -> Table:
    """Make the table of how past forecasts fared."""
    numbers = ("mape_percent", "mae_w", "rmse_w", "inside_interval")
    columns = (
        *_hidden({"series": Kind.TEXT, "paris_day": Kind.DAY} | dict.fromkeys(numbers, Kind.NUMBER)),
        own_column("model", Kind.TEXT),
        own_column("model_version", Kind.WHOLE),
        own_column("scored_at", Kind.INSTANT),
    )
    only = ("[paris_day] >= DateTime.Date(ImportFrom)",)
    description = "How each day's forecast fared, by series."
    return _mysql_table(SCORES, description, "forecast_score", columns, only=only)


def series_table() -> Table:
    """Make the table of the series that were ever forecast; scores only exist of such."""
    name, description = OWN_COLUMNS["series"]
    columns = (
        Column(name, "series", Kind.TEXT, description, is_key=True),
        Column("Jeu de données", "dataset", Kind.TEXT, "Data set of the series."),
    )
    m = read_mysql("forecast", columns, distinct=True)
    return Table(SERIES, "Series that are forecast.", columns, m, mysql="forecast")


def dataset_table(contracts: Iterable[Contract]) -> Table:
    """Make the table of the data sets, from the contracts themselves."""
    columns = (
        Column("Jeu de données", "dataset", Kind.TEXT, "Name of the data set.", is_key=True),
        Column("Description", "description", Kind.TEXT, "What the data set holds."),
    )
    rows = ",\n        ".join(f"{{{text(c.name)}, {text(c.description)}}}" for c in contracts)
    m = let(
        [("Datasets", f"#table(type table [dataset = text, description = text], {{\n        {rows}\n    }})")]
    )
    return Table(DATASETS, "Data sets, as their contracts describe them.", columns, m)


def table_name(contract: Contract) -> str:
    """Name the table of a data set's view: in French where we know it, else as the contract does."""
    return SEGMENTS if contract.table == "consumption" else contract.table


def _keys(contract: Contract) -> list[Column]:
    """Give the columns with which a view's rows point to dimensions, and keys that are in no dimension."""
    tables = [d.table for d in contract.dimensions]
    keys = [_hidden_key(contract, table) for table in tables if natural_key(contract, table)]
    if any(c.name == "dataset" for d in contract.dimensions for c in d.columns):
        keys += _hidden({"dataset": Kind.TEXT})
    return keys


def _hidden_key(contract: Contract, table: str) -> Column:
    source = natural_key(contract, table)
    dimension = contract.dimension(table)
    types = {c.name: c.sql_type for c in dimension.columns} | {dimension.key: dimension.key_sql_type}
    assert source is not None  # noqa: S101 - callers ask only for such dimensions
    return Column(source, source, kind_of(types[source]), f"Key of {table}.", is_hidden=True)


def _hidden(kinds: dict[str, Kind]) -> list[Column]:
    return [own_column(source, kind, is_hidden=True) for source, kind in kinds.items()]


def _mysql_table(
    name: str, description: str, item: str, columns: tuple[Column, ...], *, only: tuple[str, ...]
) -> Table:
    return Table(name, description, columns, read_mysql(item, columns, only=only), mysql=item)
