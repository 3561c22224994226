"""What the lines of a batch do not tell: new dimension members, and the raw bytes of refused records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from courant.domain.contract import Contract
from courant.transforms.load_lines import to_reject_lines
from courant.transforms.records import dimension_members


@dataclass(frozen=True, slots=True)
class BatchLook:
    """A batch's records, read once more; each answer is a Spark job, and both are rare."""

    batch: Callable[[], DataFrame]  # of `to_load_lines`
    contract: Contract

    def members(self) -> dict[str, list[tuple[Any, ...]]]:
        """Give the accepted records' distinct members per dimension table, parents first, in column order.

        One job for all dimensions: their combinations are few, and are taken apart here.
        """
        dimensions = self.contract.dimensions
        structs = [F.struct(*dimension_members(d, self.contract)).alias(d.table) for d in dimensions]
        accepted = self.batch().where(F.col("_fact_line").isNotNull())
        combinations = accepted.select(*structs).distinct().collect()
        return {d.table: sorted({tuple(row[d.table]) for row in combinations}, key=str) for d in dimensions}

    def reject_lines(self, positions: list[tuple[int, int]], rule: str) -> pa.ChunkedArray:
        """Give reject lines of the records at these (partition, offset) places."""
        places = [
            (F.col("_partition") == partition)
            & F.col("_offset").isin([o for p, o in positions if p == partition])
            for partition in {p for p, _ in positions}
        ]
        wanted = places[0]
        for place in places[1:]:
            wanted = wanted | place
        return to_reject_lines(self.batch().where(wanted), rule=rule).toArrow()["_reject_line"]
