"""A batch as the driver holds it: lines without a copy, cut in two at any row, and counted."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pytest

from courant.stores.mysql.batch import Lines, account, drop_below, lines_of, next_offsets, touched_days


def text_of(lines: Lines) -> str:
    return b"".join(bytes(buffer) for buffer in lines.buffers).decode()


def column(*chunks: list[str | None], kind: pa.DataType | None = None) -> pa.ChunkedArray:
    return pa.chunked_array(
        [pa.array(chunk, kind or pa.string()) for chunk in chunks], type=kind or pa.string()
    )


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_lines_lie_one_behind_the_other_and_nulls_are_left_out(kind: pa.DataType) -> None:
    lines = lines_of(column(["a\n", None, "bé\n"], [], [None], ["c\n"], kind=kind))

    assert len(lines) == 3
    assert text_of(lines) == "a\nbé\nc\n"


def test_no_lines_are_no_bytes() -> None:
    for nothing in (column([None, None]), column([]), pa.chunked_array([], pa.string())):
        assert len(lines_of(nothing)) == 0
        assert lines_of(nothing).buffers == ()


def test_a_slice_of_a_column_gives_its_own_rows_only() -> None:
    assert text_of(lines_of(column(["a\n", "b\n", "c\n", "d\n"]).slice(1, 2))) == "b\nc\n"


@pytest.mark.parametrize(
    ("start", "stop", "expected"),
    [
        (0, 5, "a\nb\nc\nd\ne\n"),
        (0, 2, "a\nb\n"),
        (1, 4, "b\nc\nd\n"),
        (2, 3, "c\n"),
        (4, 5, "e\n"),
        (3, 3, ""),
    ],
)
def test_a_part_is_the_rows_from_start_to_stop_across_chunks(start: int, stop: int, expected: str) -> None:
    lines = lines_of(column(["a\n", "b\n"], ["c\n"], ["d\n", None, "e\n"]))
    part = lines.part(start, stop)

    assert text_of(part) == expected
    assert len(part) == stop - start


def test_parts_of_parts_count_from_the_part() -> None:
    lines = lines_of(column(["a\n", "b\n"], ["c\n", "d\n", "e\n"]))
    assert text_of(lines.part(1, 5).part(1, 3)) == "c\nd\n"


BATCH = pa.table(
    {
        "_partition": pa.array([0, 0, 1, 1], pa.int32()),
        "_offset": pa.array([7, 8, 3, 5], pa.int64()),  # 4 was a transaction's marker
        "_timestamp_ms": pa.array([1_000, 2_000, 3_000, 4_000], pa.int64()),
        "_fact_line": pa.array(["a\n", None, "c\n", "d\n"]),
        "_reject_line": pa.array([None, "b\n", None, None]),
        "_warnings": pa.array([0b101, 0, 0b100, 0], pa.int64()),
    }
)


def test_the_next_offset_is_one_past_the_highest_of_each_partition() -> None:
    assert next_offsets(BATCH) == {0: 9, 1: 6}
    assert next_offsets(BATCH.slice(0, 0)) == {}


def test_rows_below_the_position_are_dropped() -> None:
    assert drop_below(BATCH, {0: 8, 1: 5})["_offset"].to_pylist() == [8, 5]
    assert drop_below(BATCH, {0: 9, 1: 6}).num_rows == 0


def test_a_partition_without_a_position_is_kept_whole() -> None:
    assert drop_below(BATCH, {0: 9})["_offset"].to_pylist() == [3, 5]


def test_nothing_below_the_position_leaves_the_table_as_it_is() -> None:
    assert drop_below(BATCH, {0: 7, 1: 0}) is BATCH


def test_the_account_counts_rejects_refusals_and_warnings_by_rule() -> None:
    done = account(BATCH, refused=1, warning_names=("new_profile", "never_broken", "odd_total"), now_s=5.0)

    assert (done.rows_in, done.accepted, done.rejected) == (4, 2, 2)
    assert done.warnings == {"new_profile": 1, "odd_total": 2}
    assert (done.latency_p50_ms, done.latency_max_ms) == (2_500, 4_000)


def test_an_empty_batch_has_no_latency() -> None:
    done = account(BATCH.slice(0, 0), refused=0, warning_names=("odd_total",))

    assert (done.rows_in, done.accepted, done.rejected, done.warnings) == (0, 0, 0, {})
    assert done.latency_p95_ms is None


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_accepted_lines_touch_the_days_that_they_begin_with(kind: pa.DataType) -> None:
    lines = column(["2026-01-05 23:00:00\tÎ\n", None], [], ["2026-01-06 00:00:00\t1\n"], kind=kind)

    assert touched_days(pa.table({"_fact_line": lines})) == {date(2026, 1, 5), date(2026, 1, 6)}
    assert touched_days(pa.table({"_fact_line": column([None], kind=kind)})) == set()
