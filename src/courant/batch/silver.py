"""Silver: what is new in bronze, typed and judged by the contract, the newest of each key; what is refused, kept."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from deltalake import DeltaTable
from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from courant.domain.contract import Contract
from courant.settings import Settings
from courant.stores import delta, delta_merge, delta_replace
from courant.stores.delta_replace import TableState
from courant.transforms import silver
from courant.transforms.gold_parts import in_dates


@dataclass(frozen=True, slots=True)
class SilverRun:
    """What one run did for one data set."""

    dataset: str
    new_records: int  # bronze rows that silver had not seen
    accepted: int
    rejected: int
    days: tuple[date, ...]  # Paris days that were written anew
    seconds: float


def build_silver(spark: SparkSession, settings: Settings, contract: Contract) -> SilverRun:
    """Bring a data set's silver and rejects up to bronze.

    A run that is killed leaves each table before or after its commit; the next one takes the same records in
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
    counts = _take(spark, contract, bronze, version, since, (path, rejects))
    delta_merge.store_position(path, reached)
    return SilverRun(contract.name, new_records, *counts, time.monotonic() - started)


def take_in(  # noqa: PLR0913 - the parts of one write
    spark: SparkSession,
    contract: Contract,
    path: str,
    rows: DataFrame,
    days: Iterable[date],
    *,
    since: TableState,
) -> None:
    """Put rows of some Paris days beside those that silver has, and keep the newest of each key.

    The days are written anew in one commit, which costs what a day has. Raises as `delta_replace.replace_partitions`.
    """
    where = in_dates(silver.PARTITION_COLUMN, days)
    known = delta.read_table(spark, path, version=since.version).where(where)
    newest = silver.to_newest(contract, rows.unionByName(known))
    delta_replace.replace_partitions(path, newest, where=where, since=since)


def keep_rejects(spark: SparkSession, path: str, rows: DataFrame, *, since: TableState) -> None:
    """Add rejects that the table does not have; those it has stay as they are. Raises as `take_in`."""
    known = delta.read_table(spark, path, version=since.version).select(*silver.REJECT_KEY)
    delta_replace.add_rows(path, rows.join(known, list(silver.REJECT_KEY), "left_anti"), since=since)


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


def _take(  # noqa: PLR0913, PLR0917 - the parts of one run
    spark: SparkSession,
    contract: Contract,
    bronze: str,
    version: int,
    since: delta_merge.Positions,
    tables: tuple[str, str],
) -> tuple[int, int, tuple[date, ...]]:
    """Judge the new records once, and take them into both tables: rejects first."""
    path, rejects = tables
    states = tuple(map(delta_replace.read_state, tables))
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
            keep_rejects(spark, rejects, silver.to_rejects(judged), since=states[1])
        if accepted:
            take_in(spark, contract, path, silver.to_accepted(contract, judged), days, since=states[0])
        return accepted, rejected, days
    finally:
        judged.unpersist()
