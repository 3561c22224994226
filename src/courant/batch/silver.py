"""Silver: what is new in bronze, typed and judged by the contract, merged by natural key; what is refused, kept."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date
from typing import Any

from deltalake import DeltaTable
from pyspark import StorageLevel
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from courant.domain.contract import Contract
from courant.settings import Settings
from courant.stores import delta, delta_merge
from courant.transforms import silver


@dataclass(frozen=True, slots=True)
class SilverRun:
    """What one run did for one data set."""

    dataset: str
    new_records: int  # bronze rows that silver had not seen
    accepted: int
    rejected: int
    days: tuple[date, ...]  # Paris days that were merged into
    seconds: float


def build_silver(spark: SparkSession, settings: Settings, contract: Contract) -> SilverRun:
    """Bring a data set's silver and rejects up to bronze.

    A run that is killed leaves each table before or after its merge; the next one merges the same records
    again, which changes nothing.

    Raises
    ------
    SchemaConflictError
        If the contract changed a column's type.
    AnotherWriterError, DiskFullError
        If another run is at work, or the lake has no room.
    """
    started = time.monotonic()
    bronze = delta.bronze_path(settings.lake.root, contract.name)
    if not DeltaTable.is_deltatable(bronze):
        return SilverRun(contract.name, 0, 0, 0, (), time.monotonic() - started)
    path = delta.silver_path(settings.lake.root, contract.name)
    rejects = delta.rejects_path(settings.lake.root, contract.name)
    schema = silver.silver_schema(contract)
    delta_merge.ensure_table(path, schema, partition_by=silver.PARTITION_COLUMN)
    delta_merge.ensure_table(rejects, silver.rejects_schema())
    since, version = delta_merge.stored_position(path), DeltaTable(bronze).version()
    reached, new_records = delta_merge.position_of(bronze, version, since)
    if not new_records:
        return SilverRun(contract.name, 0, 0, 0, (), time.monotonic() - started)
    counts = _merge(spark, contract, bronze, version, since, (path, rejects))
    delta_merge.store_position(path, reached)
    return SilverRun(contract.name, new_records, *counts, time.monotonic() - started)


def to_document(runs: list[SilverRun]) -> dict[str, Any]:
    """Give plain values: per data set what was read, kept and refused, and the days that changed."""
    return {
        run.dataset: {
            "new_records": run.new_records,
            "accepted": run.accepted,
            "rejected": run.rejected,
            "days": [day.isoformat() for day in run.days],
            "seconds": round(run.seconds, 2),
        }
        for run in runs
    }


def _merge(  # noqa: PLR0913, PLR0917 - the parts of one run
    spark: SparkSession,
    contract: Contract,
    bronze: str,
    version: int,
    since: delta_merge.Positions,
    tables: tuple[str, str],
) -> tuple[int, int, tuple[date, ...]]:
    """Judge the new records once, and merge them into both tables: rejects first."""
    path, rejects = tables
    records = spark.read.format("delta").option("versionAsOf", version).load(bronze)
    new = records.where(silver.from_positions(*since))
    judged = new.transform(silver.to_judged(contract)).persist(StorageLevel.MEMORY_AND_DISK)
    try:
        is_rejected = F.col("_broken_rules").isNotNull()
        found = judged.groupBy(
            F.when(~is_rejected, F.col(silver.PARTITION_COLUMN)).alias("day"),
            is_rejected.alias("is_rejected"),
        ).count()
        counts = found.collect()
        days = tuple(sorted(row["day"] for row in counts if not row["is_rejected"]))
        accepted = sum(row["count"] for row in counts if not row["is_rejected"])
        rejected = sum(row["count"] for row in counts if row["is_rejected"])
        if rejected:
            delta_merge.insert_new(spark, rejects, silver.to_rejects(judged), keys=silver.REJECT_KEY)
        if accepted:
            delta_merge.merge_newer(
                spark,
                path,
                silver.to_newest(contract, judged),
                keys=silver.key_columns(contract),
                order=("source_epoch", "source_offset"),
                partition=silver.PARTITION_COLUMN,
                values=days,
            )
        return accepted, rejected, days
    finally:
        judged.unpersist()
