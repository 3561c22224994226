"""What MySQL holds, as reconcile needs it: sums a day, rejects, and the keys that are ahead of bronze."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa
from pymysql.connections import Connection

from courant.domain.contract import Contract, Field, FieldType, KeyedBy
from courant.stores.mysql.connection import query
from courant.stores.mysql.schema import joined_dimensions

REJECT_SCHEMA = pa.schema(
    [("topic_id", pa.string()), ("_partition", pa.int32()), ("_offset", pa.int64()), ("is_open", pa.bool_()),
     ("_stored_rules", pa.string())]
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DaySum:
    """One UTC day of a data set."""

    keys: int
    checksum: int


@dataclass(frozen=True, slots=True)
class Held:
    """Everything that MySQL holds of a data set, as far as it is compared."""

    days: dict[date, DaySum]
    ahead: list[dict[str, Any]]  # natural keys whose newest value bronze does not have yet
    rejects: pa.Table  # columns of REJECT_SCHEMA
    rows: int  # all facts


NOTHING = Held({}, [], REJECT_SCHEMA.empty_table(), 0)


def read_held(  # noqa: PLR0913 - what is compared, and up to where
    connection: Connection[Any],
    contract: Contract,
    *,
    keys: tuple[Field, ...],
    fields: tuple[Field, ...],
    epoch: int,
    ends: dict[int, int],
) -> Held:
    """Read it in one consistent snapshot."""
    with connection.cursor() as cursor:
        cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
    return Held(
        days=daily_checksums(connection, contract, fields, epoch=epoch, ends=ends),
        ahead=keys_beyond(connection, contract, keys, epoch=epoch, ends=ends),
        rejects=read_rejects(connection, contract.name),
        rows=count_rows(connection, contract),
    )


def daily_checksums(
    connection: Connection[Any],
    contract: Contract,
    fields: tuple[Field, ...],
    *,
    epoch: int,
    ends: dict[int, int],
) -> dict[date, DaySum]:
    """Sum up each day's rows that come from below `ends` (next offset per partition) of the epoch.

    The canonical text is the one of transforms.checksums.
    """
    joins, _ = joined_dimensions(contract)
    text = ", ".join(f"IFNULL({_canonical(contract, field)}, '\\\\N')" for field in fields)
    instant = f"f.`{contract.instant.column}`"
    later, parameters = beyond(epoch, ends)
    rows = query(
        connection,
        f"SELECT DATE({instant}) AS day, COUNT(*) AS row_count, SUM(CRC32(CONCAT_WS('|', {text}))) AS checksum "
        f"FROM `{contract.table}` f {joins} WHERE {of_data_set(contract)} AND NOT {later} GROUP BY 1",
        parameters,
    )
    return {row["day"]: DaySum(int(row["row_count"]), int(row["checksum"])) for row in rows}


def count_rows(connection: Connection[Any], contract: Contract) -> int:
    """Count the data set's facts."""
    joins, _ = joined_dimensions(contract)
    sql = f"SELECT COUNT(*) AS n FROM `{contract.table}` f {joins} WHERE {of_data_set(contract)}"
    return int(query(connection, sql)[0]["n"])


def keys_beyond(
    connection: Connection[Any],
    contract: Contract,
    fields: tuple[Field, ...],
    *,
    epoch: int,
    ends: dict[int, int],
) -> list[dict[str, Any]]:
    """Give the natural keys whose newest value comes from beyond `ends`: bronze does not have it yet."""
    joins, _ = joined_dimensions(contract)
    later, parameters = beyond(epoch, ends)
    columns = ", ".join(f"{_source(contract, field)} AS `{field.name}`" for field in fields)
    return query(
        connection,
        f"SELECT {columns} FROM `{contract.table}` f {joins} WHERE {of_data_set(contract)} AND {later}",
        parameters,
    )


def read_rejects(connection: Connection[Any], dataset: str) -> pa.Table:
    """Give the place and the rules of every reject, columns of `REJECT_SCHEMA`."""
    rows = query(
        connection,
        "SELECT topic_id, partition_id AS _partition, record_offset AS _offset, rules AS _stored_rules,"
        " replayed_at IS NULL AS is_open FROM reject WHERE dataset = %s",
        (dataset,),
    )
    for row in rows:
        row["is_open"] = bool(row["is_open"])
    return pa.Table.from_pylist(rows, schema=REJECT_SCHEMA)


def beyond(epoch: int, ends: dict[int, int]) -> tuple[str, tuple[int, ...]]:
    """Write the condition that a fact comes from at or after these offsets, or from a later epoch."""
    pairs = sorted(ends.items())
    places = " OR ".join(["(f.source_partition = %s AND f.source_offset >= %s)"] * len(pairs)) or "FALSE"
    parameters = (epoch, epoch, *[number for pair in pairs for number in pair])
    return f"(f.source_epoch > %s OR (f.source_epoch = %s AND ({places})))", parameters


def of_data_set(contract: Contract) -> str:
    """Write the condition that tells data sets apart which share a table: constants in a dimension's natural key."""
    own = [
        f"`{dimension.table}`.`{column.name}` = {column.expression}"
        for dimension in contract.dimensions
        for column in dimension.columns
        if column.is_natural_key and column.source_field is None and column.expression == f"'{contract.name}'"
    ]
    return " AND ".join(own) or "TRUE"


def _canonical(contract: Contract, field: Field) -> str:
    source = _source(contract, field)
    return f"DATE_FORMAT({source}, '%%Y-%%m-%%d %%H:%%i:%%s')" if field.type is FieldType.INSTANT else source


def _source(contract: Contract, field: Field) -> str:
    """Find the column that holds a field: in the fact, or in the dimension made of it."""
    for dimension in contract.dimensions:
        if dimension.keyed_by is KeyedBy.HASH:
            for column in dimension.columns:
                if column.source_field == field.name:
                    return f"`{dimension.table}`.`{column.name}`"
    return f"f.`{field.column}`"
