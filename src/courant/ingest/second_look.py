"""What the lines of a batch do not tell: new dimension members, and the raw bytes of refused records."""

from __future__ import annotations

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

    batch: DataFrame
    contract: Contract

    def members(self) -> dict[str, list[tuple[Any, ...]]]:
        """Give the accepted records' distinct members per dimension table, parents first, in column order."""
        accepted = self.batch.where(F.col("_fact_line").isNotNull())
        natural = [f.name for f in self.contract.fields if f.name in _dimension_fields(self.contract)]
        distinct = accepted.select(*natural).distinct().localCheckpoint()
        return {
            dimension.table: [
                tuple(row)
                for row in distinct.select(*dimension_members(dimension, self.contract)).distinct().collect()
            ]
            for dimension in self.contract.dimensions
        }

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
        return to_reject_lines(self.batch.where(wanted), rule=rule).toArrow()["_reject_line"]


def _dimension_fields(contract: Contract) -> set[str]:
    """Name the fields that dimensions are made of: neither the instant nor a measure."""
    return {f.name for f in contract.fields} - {f.name for f in contract.measures} - {contract.instant.name}
