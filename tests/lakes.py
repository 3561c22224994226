"""What the tests of the lake's tables share: a bronze made of raw records, without a broker."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from courant.domain.contract import Contract
from courant.domain.message import to_messages
from courant.stores import delta

BROKER_TIME = datetime(2026, 1, 20, 12, tzinfo=UTC)


def add_to_bronze(
    lake: Path,
    contract: Contract,
    values: Iterable[bytes | None],
    *,
    first_offset: int = 0,
    partition: int = 0,
    epoch: int = 0,
) -> int:
    """Append records as the ingest does, in one commit; give the next offset."""
    raw = list(values)
    path = delta.bronze_path(lake, contract.name)
    delta.create_bronze(path)
    rows = len(raw)
    columns = {
        "topic": pa.array([contract.topic] * rows, pa.string()),
        "topic_id": pa.array([f"life{epoch}"] * rows, pa.string()),
        "epoch": pa.array([epoch] * rows, pa.int32()),
        "partition": pa.array([partition] * rows, pa.int32()),
        "offset": pa.array(range(first_offset, first_offset + rows), pa.int64()),
        "broker_time_utc": pa.array([BROKER_TIME] * rows, pa.timestamp("us", tz="UTC")),
        "key": pa.array([b"key"] * rows, pa.binary()),
        "value": pa.array(raw, pa.binary()),
        "headers": pa.nulls(rows, delta.BRONZE_SCHEMA.field("headers").type),
        "ingest_date": pa.array([date(2026, 1, 20)] * rows, pa.date32()),
    }
    write_deltalake(path, pa.table(columns, schema=delta.BRONZE_SCHEMA), mode="append")
    return first_offset + rows


def values_of(rows: pl.DataFrame, contract: Contract) -> list[bytes]:
    """Write published rows as the messages that replay sends."""
    messages = to_messages(rows.with_columns(pl.all().cast(pl.String)), contract, shift=timedelta(0))
    return [value.encode() for value in messages["value"].to_list()]


def table(path: str) -> pa.Table:
    """Read a Delta table without Spark, in the order of its columns."""
    return DeltaTable(path).to_pyarrow_table()
