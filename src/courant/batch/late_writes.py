"""What replay of rejects and rebuild share: a sink beside the stream's, and records looked at once more."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from courant.domain.contract import Contract
from courant.ingest.application import fact_target, reject_target
from courant.ingest.second_look import BatchLook
from courant.settings import Settings
from courant.stores.mysql.late import LateSink
from courant.stores.mysql.positions import Epoch
from courant.transforms.late_lines import LATE_COLUMNS
from courant.transforms.records import warning_names


@dataclass(frozen=True, slots=True)
class Look:
    """Late records, read once more."""

    lines: DataFrame  # of `to_late_lines`; the raw columns may be gone
    judged: DataFrame  # of `to_late_lines`
    contract: Contract

    def members(self) -> dict[str, list[tuple[Any, ...]]]:
        """Give the accepted records' distinct members per dimension table, parents first, in column order."""
        return BatchLook(lambda: self.lines, self.contract).members()

    def reject_lines(self, epoch: int, positions: list[tuple[int, int]], rule: str) -> pa.ChunkedArray:
        """Give reject lines of an epoch's records at these (partition, offset) places."""
        return BatchLook(lambda: self.judged.where(F.col("_epoch") == epoch), self.contract).reject_lines(
            positions, rule
        )


@contextmanager
def open_late_sink(
    settings: Settings, contract: Contract, epochs: tuple[Epoch, ...], *, job: str
) -> Iterator[LateSink]:
    """Give a sink whose batches are named after the job, and close it in any case."""
    sink = LateSink(
        settings=settings,
        contract=contract,
        epochs=epochs,
        run_id=f"{job}-{uuid.uuid4().hex[:12]}",
        facts=fact_target(contract),
        rejects={epoch.number: reject_target(contract, epoch) for epoch in epochs},
        warning_names=warning_names(contract),
    )
    try:
        yield sink
    finally:
        sink.close()


def collect_lines(lines: DataFrame) -> pa.Table:
    """Take lines to the driver, in order of time."""
    return lines.select(*LATE_COLUMNS).toArrow().sort_by([("_epoch", "ascending"), ("_offset", "ascending")])


def parts_of(table: pa.Table, rows: int) -> Iterator[pa.Table]:
    """Cut a table into parts of at most so many rows."""
    for start in range(0, table.num_rows, rows):
        yield table.slice(start, rows)
