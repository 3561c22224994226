"""Rows as a Parquet file that every engine reads in its own way, in groups that can be read one by one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from courant.ml.engines.interface import Array

FEATURES, TARGET = "features", "target"
GROUP_ROWS = 4_096


@dataclass(frozen=True)
class RowFile:
    """A file's layout, known before any row is read."""

    path: Path
    sizes: tuple[int, ...]  # rows of each group
    columns: int
    has_target: bool

    @classmethod
    def of(cls, path: Path) -> RowFile:
        """Look at a file that `write_rows` wrote."""
        with pq.ParquetFile(path) as file:
            groups = [file.metadata.row_group(group) for group in range(file.num_row_groups)]
            columns = groups[0].column(0).num_values // groups[0].num_rows
            return cls(
                path, tuple(group.num_rows for group in groups), columns, TARGET in file.schema_arrow.names
            )

    def features(self, group: int) -> Array:
        """Read (rows of the group, columns)."""
        return np.asarray(self._read(group, FEATURES).flatten()).reshape(-1, self.columns)

    def target(self, group: int) -> Array:
        """Read (rows of the group,)."""
        return np.asarray(self._read(group, TARGET))

    def _read(self, group: int, column: str) -> pa.Array:
        with pq.ParquetFile(self.path) as file:
            return file.read_row_group(group, columns=[column])[column].combine_chunks()


def write_rows(  # noqa: PLR0913 - the rows, and how they are multiplied
    path: Path,
    x: Array,
    y: Array | None = None,
    *,
    copies: int = 1,
    noise: float = 0.01,
    seed: int = 7,
    group_rows: int = GROUP_ROWS,
) -> None:
    """Write rows, and copies of them for a larger work of the same kind, a group at a time.

    Parameters
    ----------
    x, y
        (rows, columns) and (rows,), without NaN.
    copies
        How many times the rows are there; the first time as they are.
    noise
        Deviation, in the target's unit, of what is added to the target of each further copy.
    group_rows
        At most so many rows in a group. A copy's groups differ by one row at most: cores have equal shares.
    """
    random = np.random.default_rng(seed)
    edges = np.linspace(0, len(x), -(-len(x) // group_rows) + 1).astype(int)
    with pq.ParquetWriter(path, _schema(y is not None), use_dictionary=False) as writer:
        for copy in range(copies):
            target = y if y is None or copy == 0 else y + random.normal(scale=noise, size=len(y))
            for start, end in pairwise(edges):
                writer.write_table(_table(x[start:end], None if target is None else target[start:end]))


def to_lists(x: Array) -> pa.Array:
    """Give each row of (rows, columns) as a list."""
    rows, columns = x.shape
    offsets = pa.array(np.arange(0, (rows + 1) * columns, columns, dtype=np.int32))
    return pa.ListArray.from_arrays(offsets, pa.array(np.ascontiguousarray(x).reshape(-1)))


def _table(x: Array, y: Array | None) -> pa.Table:
    columns = [to_lists(x)] if y is None else [to_lists(x), pa.array(y)]
    return pa.table(columns, schema=_schema(y is not None))


def _schema(has_target: bool) -> pa.Schema:
    features = pa.field(FEATURES, pa.list_(pa.float64()))
    return pa.schema([features, pa.field(TARGET, pa.float64())] if has_target else [features])
