"""Bronze's records as reconcile sees them: judged by the contract once, and reduced to what comparisons need."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from courant.domain.contract import Contract
from courant.transforms.checksums import record_checksum
from courant.transforms.records import DataFrameTransform, from_bronze, with_typed_fields, with_verdict

PLACE = ("topic_id", "_partition", "_offset")


def to_judged_records(contract: Contract) -> DataFrameTransform:
    """Judge bronze rows.

    Returns
    -------
    A transform to `PLACE`, `_epoch`, `_is_broken` (the contract rejects it), the contract's key fields, and
    `checksum` (bigint). One row per row of bronze.
    """

    def transform(bronze: DataFrame) -> DataFrame:
        records = bronze.transform(from_bronze)
        judged = records.transform(with_typed_fields(contract)).transform(with_verdict(contract))
        return judged.select(
            *PLACE,
            F.col("epoch").alias("_epoch"),
            F.col("_broken_rules").isNotNull().alias("_is_broken"),
            *[field.name for field in contract.key_fields],
            record_checksum(contract).alias("checksum"),
        )

    return transform


def is_below(epoch: int, ends: dict[int, int]) -> Column:
    """Say which rows come from an earlier epoch than this, or from below `ends` (next offset per partition) in it."""
    present = F.lit(False)
    for partition, end in ends.items():
        present |= (F.col("_partition") == partition) & (F.col("_offset") < end)
    return (F.col("_epoch") < epoch) | ((F.col("_epoch") == epoch) & present)
