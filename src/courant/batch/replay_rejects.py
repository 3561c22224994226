"""Replay of rejects: what a mended contract lets pass goes to silver and MySQL once, if nothing newer is there."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable
from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from courant.batch.late_writes import Look, collect_lines, open_late_sink, parts_of
from courant.batch.silver import take_in
from courant.domain.contract import Contract
from courant.ingest.sinks import create_layers
from courant.settings import Settings
from courant.stores import delta, delta_merge, delta_replace
from courant.stores.mysql.alone import alone
from courant.stores.mysql.connection import session
from courant.stores.mysql.positions import Epoch, read_epochs
from courant.stores.mysql.rejects import DATABASE_RULE, read_fates
from courant.transforms import silver
from courant.transforms.late_lines import to_late_lines

_KEY = list(silver.REJECT_KEY)


@dataclass(frozen=True, slots=True)
class ReplayRun:
    """What one run did for one data set."""

    dataset: str
    waiting: int  # open rejects that were judged again
    replayed: int  # of these, taken over by MySQL, or found to be superseded there
    refused: int  # of these, refused by the database alone
    days: tuple[date, ...]  # Paris days of silver that were written anew
    seconds: float


def replay_rejects(
    spark: SparkSession, settings: Settings, contract: Contract, *, now: datetime | None = None
) -> ReplayRun:
    """Judge a data set's open rejects by the present contract, and take over what passes: silver first, then MySQL.

    A run that is killed leaves the rejects that MySQL has not taken open; the next one does the rest.

    Raises
    ------
    AnotherWriterError
        If another replay or rebuild is at work, or silver is being built.
    MySQLDownError, DiskFullError, SchemaConflictError
        If a layer cannot be written.
    """
    started = time.monotonic()
    at = _to_the_millisecond(now or datetime.now(UTC))
    create_layers(settings, contract)  # the mended contract may have gained fields
    with alone(settings, contract.name):
        with session(settings, "reader") as connection:
            epochs, fates = read_epochs(connection, contract.name), read_fates(connection, contract.name)
        records = _open_records(spark, settings, contract, fates).persist(StorageLevel.MEMORY_AND_DISK)
        try:
            waiting = records.count()
            days = _into_silver(spark, settings, contract, records.where("for_silver"), at) if waiting else ()
            done = (
                _into_mysql(settings, contract, records.where("for_mysql"), epochs, at) if waiting else (0, 0)
            )
        finally:
            records.unpersist()
    return ReplayRun(contract.name, waiting, *done, days, time.monotonic() - started)


def to_document(runs: list[ReplayRun]) -> dict[str, Any]:
    """Give plain values: per data set how many rejects waited, how many of them passed, and the days they are of."""
    return {
        run.dataset: {
            "waiting": run.waiting,
            "replayed": run.replayed,
            "refused": run.refused,
            "days": [day.isoformat() for day in run.days],
            "seconds": round(run.seconds, 2),
        }
        for run in runs
    }


def _open_records(spark: SparkSession, settings: Settings, contract: Contract, fates: pa.Table) -> DataFrame:
    """Find the open rejects of both tables in bronze, which has them whole.

    Adds `for_silver` and `for_mysql`: where the reject is open. Silver has what only the database refused.
    """
    in_mysql = spark.createDataFrame(fates).where(F.col("replayed_at_utc").isNull())
    is_by_contract = ~F.startswith("rules", F.lit(DATABASE_RULE))
    places = in_mysql.select(*_KEY, is_by_contract.alias("for_silver"), F.lit(True).alias("for_mysql"))
    path = delta.rejects_path(settings.lake.root, contract.name)
    if DeltaTable.is_deltatable(path):
        in_lake = delta.read_table(spark, path).where(F.col("replayed_at_utc").isNull())
        marks = (F.lit(True).alias("for_silver"), F.lit(False).alias("for_mysql"))
        places = places.unionByName(in_lake.select(*_KEY, *marks))
    places = places.groupBy(*_KEY).agg(*[F.bool_or(name).alias(name) for name in ("for_silver", "for_mysql")])
    bronze = delta.read_bronze(spark, delta.bronze_path(settings.lake.root, contract.name))
    return bronze.join(F.broadcast(places), _KEY)


def _into_silver(
    spark: SparkSession, settings: Settings, contract: Contract, records: DataFrame, at: datetime
) -> tuple[date, ...]:
    """Take in what passes, and mark its rejects; give the Paris days. Silver that was never built is left alone."""
    path = delta.silver_path(settings.lake.root, contract.name)
    if not DeltaTable.is_deltatable(path):
        return ()
    rejects = delta.rejects_path(settings.lake.root, contract.name)
    delta_merge.ensure_table(path, silver.silver_schema(contract), partition_by=silver.PARTITION_COLUMN)
    delta_merge.ensure_table(rejects, silver.rejects_schema())
    since = delta_replace.read_state(path)
    passing = records.transform(silver.to_judged(contract)).where(F.col("_broken_rules").isNull()).persist()
    try:
        found = passing.select(silver.PARTITION_COLUMN).distinct().collect()
        days = tuple(sorted(row[silver.PARTITION_COLUMN] for row in found))
        if days:
            take_in(spark, contract, path, silver.to_accepted(contract, passing), days, since=since)
            _mark_in_lake(spark, rejects, passing, at)
        return days
    finally:
        passing.unpersist()


def _mark_in_lake(spark: SparkSession, rejects: str, passing: DataFrame, at: datetime) -> None:
    places = passing.select(
        "topic_id", F.col("source_partition").alias("partition"), F.col("source_offset").alias("offset")
    )
    delta_merge.update_known(
        spark,
        rejects,
        places,
        keys=silver.REJECT_KEY,
        condition="t.replayed_at_utc IS NULL",
        values={"replayed_at_utc": F.lit(at)},
    )


def _into_mysql(
    settings: Settings, contract: Contract, records: DataFrame, epochs: tuple[Epoch, ...], at: datetime
) -> tuple[int, int]:
    """Load what passes; give how many records were taken over, and how many the database refused."""
    if not epochs:
        return 0, 0
    topic_ids = {epoch.number: epoch.topic_id for epoch in epochs}
    lines = records.transform(to_late_lines(contract, topic_ids)).where(F.col("_fact_line").isNotNull())
    table, look = collect_lines(lines), Look(lines, lines, contract)
    with open_late_sink(settings, contract, epochs, job="replay-rejects") as sink:
        parts = parts_of(table, settings.ingest.max_offsets_per_trigger)
        done = [sink.replay(part, look, at=at) for part in parts]
    return sum(one.accepted for one in done), sum(one.refused for one in done)


def _to_the_millisecond(instant: datetime) -> datetime:
    """Cut an instant to what both stores keep of it."""
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)
