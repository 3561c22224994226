"""The facts aggregated to half hours by the database: the same frames as gold's half-hour tables, as Arrow.

A Paris day is given by its limits in UTC, so the server needs no time zones. Half hours are counted from its start.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pymysql.connections import Connection

from courant.domain.calendar import SLOT_MINUTES, day_bounds_utc
from courant.domain.contract import Contract, FieldType
from courant.stores.mysql.connection import query
from courant.stores.mysql.day_changes import has_table
from courant.stores.mysql.half_hour_views import ENERGY, SITES, by_kind, greater
from courant.stores.mysql.schema import joined_dimensions

_CALENDAR = {
    "slot_start_utc": pa.timestamp("us", tz="UTC"), "paris_day": pa.date32(), "month": pa.date32(),
}  # fmt: skip
_CONSUMPTION = {
    "slot": pa.int32(), "dataset": pa.string(), "region_code": pa.string(), "profil": pa.string(),
    "energy_wh": pa.int64(), "parts_wh": pa.int64(), "totals_wh": pa.int64(), "segments": pa.int32(),
    "masked": pa.int32(), "sites": pa.int64(), "is_complete": pa.bool_(),
}  # fmt: skip
_IN_DAY = "f.slot_start_utc >= %(start)s AND f.slot_start_utc < %(end)s"
_SLOT = f"TIMESTAMPDIFF(MINUTE, %(start)s, f.slot_start_utc) DIV {SLOT_MINUTES} + 1"


def balance_half_hours(connection: Connection[Any], contract: Contract, days: Iterable[date]) -> pa.Table:
    """Average the balance's steps to half hours.

    Returns
    -------
    pyarrow.Table
        Columns of gold's `balance_half_hours`; a mean ignores nulls, and is null where all steps are.
    """
    measures = [field for field in contract.measures if field.type in {FieldType.INTEGER, FieldType.DECIMAL}]
    means = "".join(
        f", CAST(AVG(f.`{f.column}`) AS DECIMAL(24, {f.scale + 1})) AS `{f.column}`" for f in measures
    )
    shortest = f"MIN(MIN(IF(MINUTE(f.slot_start_utc) MOD {SLOT_MINUTES} = 0, {SLOT_MINUTES}, 15))) OVER ()"
    sql = (
        "SELECT d.*, steps * step_minutes = %(slot_minutes)s AS is_complete"
        f" FROM (SELECT {_SLOT} AS slot, {shortest} AS step_minutes, COUNT(*) AS steps{means}"
        f" FROM `{contract.table}` f WHERE {_IN_DAY} GROUP BY {_SLOT}) d"
    )
    counts = dict.fromkeys(("slot", "step_minutes", "steps"), pa.int32()) | {"is_complete": pa.bool_()}
    types = counts | {field.column: pa.decimal128(24, field.scale + 1) for field in measures}
    return _read_days(connection, sql, types, days, contract)


def consumption_half_hours(connection: Connection[Any], contract: Contract, days: Iterable[date]) -> pa.Table:
    """Add up a data set's segments by region and profile, totals apart from their parts.

    Returns
    -------
    pyarrow.Table
        Columns of gold's `consumption_half_hours`; a sum ignores nulls, and is null where all of its rows are.
    """
    joins, _ = joined_dimensions(contract)
    energy, sites = f"f.{ENERGY}", f"f.{SITES}"
    sql = (
        f"SELECT s.*, %(dataset)s AS dataset, {greater('totals_wh', 'parts_wh')} AS energy_wh,"
        f" {greater('total_sites', 'part_sites')} AS sites, masked = 0 AS is_complete"
        f" FROM (SELECT {_SLOT} AS slot, f.region_code, `profile`.profil, {by_kind(energy, 'totals_wh', 'parts_wh')},"
        f" {by_kind(sites, 'total_sites', 'part_sites')}, COUNT(*) AS segments, SUM({energy} IS NULL) AS masked"
        f" FROM `{contract.table}` f {joins} WHERE {_IN_DAY} AND `segment`.dataset = %(dataset)s"
        f" GROUP BY {_SLOT}, f.region_code, `profile`.profil) s"
    )
    return _read_days(connection, sql, _CONSUMPTION, days, contract)


def newest_slot(connection: Connection[Any], contract: Contract) -> datetime | None:
    """Give the start of the newest slot that the data set has a fact of, in UTC."""
    if not has_table(connection, contract.table):
        return None
    # In the order of the fact's key, so that the first fact of the data set ends the search.
    own = " STRAIGHT_JOIN `segment` USING (segment_id) WHERE `segment`.dataset = %s" * bool(
        contract.dimensions
    )
    rows = query(
        connection,
        f"SELECT f.slot_start_utc FROM `{contract.table}` f{own} ORDER BY f.slot_start_utc DESC LIMIT 1",
        (contract.name,) if own else (),
    )
    return rows[0]["slot_start_utc"].replace(tzinfo=UTC) if rows else None


def _read_days(
    connection: Connection[Any],
    sql: str,
    types: dict[str, pa.DataType],
    days: Iterable[date],
    contract: Contract,
) -> pa.Table:
    """Ask once a day, so that each question is a range of the fact's key."""
    schema = pa.schema(_CALENDAR | types)
    if not has_table(connection, contract.table):
        return schema.empty_table()
    tables = [_read_day(connection, sql, types, day, contract.name) for day in sorted(days)]
    # In one piece: Spark loses rows that lie behind empty pieces.
    return pa.concat_tables(
        [schema.empty_table(), *[table.cast(schema) for table in tables]]
    ).combine_chunks()


def _read_day(
    connection: Connection[Any], sql: str, types: dict[str, pa.DataType], day: date, dataset: str
) -> pa.Table:
    start, end = day_bounds_utc(day)
    bound = {"start": start, "end": end, "dataset": dataset, "slot_minutes": SLOT_MINUTES}
    with connection.cursor() as cursor:
        cursor.execute(sql, bound)
        names = [column[0] for column in cursor.description]
        columns = list(zip(*cursor.fetchall(), strict=True)) or [()] * len(names)
    values = dict(zip(names, columns, strict=True))
    arrays = {name: _array(values[name], kind) for name, kind in types.items()}
    return pa.table(_calendar(arrays["slot"], day) | arrays)


def _array(values: tuple[Any, ...], kind: pa.DataType) -> pa.Array:
    """Type one column; the server gives sums as decimals and booleans as numbers."""
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return pa.array([None if v is None else int(v) for v in values], pa.int64()).cast(kind)
    return pa.array(values, kind)


def _calendar(slots: pa.Array, day: date) -> dict[str, pa.Array]:
    """Give each slot's start, by elapsed time since Paris midnight, and its day and month."""
    start, _ = day_bounds_utc(day)
    elapsed_us = pc.multiply(pc.subtract(slots.cast(pa.int64()), 1), SLOT_MINUTES * 60_000_000)
    return {
        "slot_start_utc": pc.add(
            pa.scalar(start, _CALENDAR["slot_start_utc"]), elapsed_us.cast(pa.duration("us"))
        ),
        "paris_day": pa.repeat(pa.scalar(day, _CALENDAR["paris_day"]), len(slots)),
        "month": pa.repeat(pa.scalar(day.replace(day=1), _CALENDAR["month"]), len(slots)),
    }
