"""Bronze records of any epoch become the lines that the stream made of them, for what writes them late."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from courant.domain.contract import Contract
from courant.transforms.load_lines import LOAD_COLUMNS, to_load_lines
from courant.transforms.records import DataFrameTransform, to_records

#: What a late sink takes.
LATE_COLUMNS = (*LOAD_COLUMNS, "_epoch")
LATE_PLACE = ("_epoch", "_partition", "_offset")


def to_late_lines(contract: Contract, topic_ids: Mapping[int, str]) -> DataFrameTransform:
    """Judge bronze rows by the contract and write them as lines.

    Parameters
    ----------
    topic_ids
        The topic's lives by epoch; rows of others are left out.

    Returns
    -------
    A transform from bronze's columns to those of `to_load_lines`, and `_epoch` (int).
    """

    def transform(bronze: DataFrame) -> DataFrame:
        return reduce(DataFrame.unionByName, [_of_epoch(bronze, *life) for life in sorted(topic_ids.items())])

    def _of_epoch(bronze: DataFrame, epoch: int, topic_id: str) -> DataFrame:
        return (
            bronze.where(F.col("topic_id") == topic_id)
            .withColumnRenamed("broker_time_utc", "timestamp")
            .transform(to_records)
            .transform(to_load_lines(contract, epoch=epoch))
            .withColumn("_epoch", F.lit(epoch).cast("int"))
        )

    return transform
