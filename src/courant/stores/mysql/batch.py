"""A micro-batch as the driver holds it: Arrow columns whose buffers MySQL loads as they are."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_DAY_LENGTH = len("2026-01-01")


@dataclass(frozen=True, slots=True)
class Lines:
    """Ready-made lines of text that lie one behind the other in memory."""

    chunks: tuple[tuple[memoryview, np.ndarray], ...]  # (bytes, start of each row in them plus the end)

    def __len__(self) -> int:
        return sum(len(starts) - 1 for _, starts in self.chunks)

    @property
    def buffers(self) -> tuple[memoryview, ...]:
        """The bytes to send, without a copy."""
        return tuple(data[starts[0] : starts[-1]] for data, starts in self.chunks if starts[-1] > starts[0])

    def part(self, start: int, stop: int) -> Lines:
        """Take the rows from start to stop, without a copy."""
        taken, first = [], 0
        for data, starts in self.chunks:
            rows = len(starts) - 1
            low, high = max(start - first, 0), min(stop - first, rows)
            if low < high:
                taken.append((data, starts[low : high + 1]))
            first += rows
        return Lines(tuple(taken))


def lines_of(column: pa.ChunkedArray) -> Lines:
    """View a string column's non-null values as lines; null rows are dropped."""
    chunks = []
    for chunk in column.drop_null().chunks:
        if len(chunk):
            _, offsets, data = chunk.buffers()
            width = np.int64 if pa.types.is_large_string(chunk.type) else np.int32
            starts = np.frombuffer(offsets, dtype=width)[chunk.offset : chunk.offset + len(chunk) + 1]
            chunks.append((memoryview(data) if data else memoryview(b""), starts))
    return Lines(tuple(chunks))


@dataclass(frozen=True, slots=True)
class Account:
    """What one batch did; a row of `ingest_batch`."""

    rows_in: int
    accepted: int
    rejected: int
    warnings: dict[str, int]  # by rule
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    latency_max_ms: float | None


def next_offsets(table: pa.Table) -> dict[int, int]:
    """Give one past the highest offset per partition."""
    return offset_range(table)[1]


def offset_range(table: pa.Table) -> tuple[dict[int, int], dict[int, int]]:
    """Give the lowest offset per partition, and one past the highest."""
    places = table.select(["_partition", "_offset"]).group_by("_partition")
    ranges = places.aggregate([("_offset", "min"), ("_offset", "max")]).to_pylist()
    return (
        {row["_partition"]: row["_offset_min"] for row in ranges},
        {row["_partition"]: row["_offset_max"] + 1 for row in ranges},
    )


def drop_below(table: pa.Table, positions: dict[int, int]) -> pa.Table:
    """Drop rows that the sink already has."""
    partitions = pa.array(list(positions), type=table.schema.field("_partition").type)
    floor = pa.array(list(positions.values()), type=pa.int64())
    row_floor = pc.take(floor, pc.index_in(table["_partition"], value_set=partitions))
    is_new = pc.fill_null(pc.greater_equal(table["_offset"], row_floor), fill_value=True)
    return table if pc.all(is_new).as_py() else table.filter(is_new)


def touched_days(table: pa.Table) -> set[date]:
    """Give the UTC days of the accepted records: a fact's line begins with its slot's start."""
    lines = table["_fact_line"].cast(pa.large_binary())  # bytes are cut four times faster than characters
    days = pc.unique(pc.binary_slice(lines, 0, _DAY_LENGTH)).drop_null().to_pylist()
    return {date.fromisoformat(day.decode()) for day in days}


def account(
    table: pa.Table, *, refused: int, warning_names: tuple[str, ...], now_s: float | None = None
) -> Account:
    """Count a batch: rows, rejects, warnings by rule, and the age of its records now."""
    rejected = table["_reject_line"].length() - table["_reject_line"].null_count + refused
    age = _ages_ms(table, time.time() if now_s is None else now_s)
    bits = table["_warnings"]
    counts = {name: _count_bit(bits, place) for place, name in enumerate(warning_names)}
    return Account(
        rows_in=table.num_rows,
        accepted=table.num_rows - rejected,
        rejected=rejected,
        warnings={name: count for name, count in counts.items() if count},
        latency_p50_ms=age[0],
        latency_p95_ms=age[1],
        latency_max_ms=age[2],
    )


def _ages_ms(table: pa.Table, now_s: float) -> tuple[float, float, float] | tuple[None, None, None]:
    if not table.num_rows:
        return None, None, None
    p50, p95, oldest = np.quantile(now_s * 1000 - table["_timestamp_ms"].to_numpy(), [0.5, 0.95, 1.0])
    return float(p50), float(p95), float(oldest)


def _count_bit(bits: pa.ChunkedArray, place: int) -> int:
    return int(pc.sum(pc.bit_wise_and(pc.shift_right(bits, place), 1)).as_py() or 0)
