"""MySQL's facts and rejects made anew from bronze, in short transactions between those of the running stream."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from pyspark import StorageLevel
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from courant.batch.late_writes import Look, collect_lines, open_late_sink, parts_of
from courant.batch.rebuild_parts import Days, RebuildRun, cut
from courant.domain.contract import Contract
from courant.ingest.sinks import create_layers
from courant.settings import Settings
from courant.stores import delta
from courant.stores.mysql.alone import alone
from courant.stores.mysql.connection import session
from courant.stores.mysql.late import LateSink
from courant.stores.mysql.positions import Epoch, read_epochs, read_positions
from courant.stores.mysql.rejects import read_fates
from courant.stores.mysql.staging import Span
from courant.transforms.late_lines import LATE_COLUMNS, LATE_PLACE, to_late_lines
from courant.transforms.silver import from_positions


def rebuild_mysql(
    spark: SparkSession, settings: Settings, contract: Contract, days: Days | None = None
) -> RebuildRun:
    """Make a data set's facts anew from bronze, and add the rejects that MySQL lacks.

    It takes what both sinks have; what is beyond stays as the stream made it. Rejects that are open stay open.

    Raises
    ------
    AnotherWriterError
        If a replay of rejects or another rebuild is at work.
    MySQLDownError, SchemaConflictError
        If MySQL does not answer, or the contract changed a column's type without a table of another name.
    """
    started = time.monotonic()
    create_layers(settings, contract)
    with alone(settings, contract.name):
        with session(settings, "reader") as connection:
            epochs = read_epochs(connection, contract.name)
        rows, rejects = _rebuild(spark, settings, contract, epochs, days) if epochs else (0, 0)
    return RebuildRun(contract.name, rows, rejects, time.monotonic() - started)


def _rebuild(
    spark: SparkSession, settings: Settings, contract: Contract, epochs: tuple[Epoch, ...], days: Days | None
) -> tuple[int, int]:
    """Restore rejects, then make the facts anew, span by span; give how many of both."""
    span, ends = days.span if days else Span(), _shared_ends(settings, contract, epochs[-1])
    judged = _judged(spark, settings, contract, epochs, ends)
    instant = F.col(contract.instant.name)
    wanted = judged.where(F.col("_fact_line").isNull() | _lies_in(span, instant))
    fields = [field.name for field in contract.fields]
    kept = wanted.select(*LATE_COLUMNS, *fields).repartitionByRange(instant).sortWithinPartitions(instant)
    kept.persist(StorageLevel.DISK_ONLY)
    try:
        with open_late_sink(settings, contract, epochs, job="rebuild") as sink:
            work = _Work(sink, kept, judged, ends, settings.ingest.max_offsets_per_trigger)
            rejects = work.restore_rejects()
            return work.rebuild_facts(span), rejects
    finally:
        kept.unpersist()


@dataclass(frozen=True, slots=True)
class _Work:
    """One rebuild, cut into transactions."""

    sink: LateSink
    kept: DataFrame  # lines to write
    judged: DataFrame  # the same and more, raw
    ends: dict[int, int]
    rows_at_once: int

    def restore_rejects(self) -> int:
        """Keep what the contract rejects and MySQL lacks."""
        table = collect_lines(self.kept.where(F.col("_reject_line").isNotNull()))
        look = Look(self.kept, self.judged, self.sink.contract)
        for part in parts_of(table, self.rows_at_once):
            self.sink.restore_rejects(part, look)
        return int(table.num_rows)

    def rebuild_facts(self, span: Span) -> int:
        """Make a span's facts anew; give how many records that took."""
        return sum(self._rebuild_part(part) for part in self._parts(span))

    def _rebuild_part(self, span: Span) -> int:
        contract = self.sink.contract
        is_inside = F.col("_fact_line").isNotNull() & _lies_in(span, F.col(contract.instant.name))
        lines = self.kept.where(is_inside)
        look = Look(lines, self.judged.where(is_inside), contract)
        return self.sink.rebuild(collect_lines(lines), look, span=span, ends=self.ends).accepted

    def _parts(self, span: Span) -> Iterator[Span]:
        day = F.to_date(self.sink.contract.instant.name).alias("day")
        rows = self.kept.where(F.col("_fact_line").isNotNull()).groupBy(day).count().collect()
        by_day: dict[date, int] = {row["day"]: row["count"] for row in rows}
        return iter(cut(span, by_day, at_most=self.rows_at_once))


def _shared_ends(settings: Settings, contract: Contract, epoch: Epoch) -> dict[int, int]:
    """Give the offsets of the present epoch up to which both sinks have read."""
    with session(settings, "reader") as connection:
        in_mysql = read_positions(connection, contract.name, epoch.topic_id)
    path = delta.bronze_path(settings.lake.root, contract.name)
    lives = {life.topic_id: life for life in delta.read_epochs(path)}
    known = epoch.topic_id in lives
    in_bronze = delta.read_positions(path, lives[epoch.topic_id]) if known else {}
    return {partition: min(end, in_bronze.get(partition, 0)) for partition, end in in_mysql.items()}


def _judged(
    spark: SparkSession,
    settings: Settings,
    contract: Contract,
    epochs: tuple[Epoch, ...],
    ends: dict[int, int],
) -> DataFrame:
    """Judge bronze up to `ends`, without the rejects that are open."""
    with session(settings, "reader") as connection:
        fates = spark.createDataFrame(read_fates(connection, contract.name))
    waiting = fates.where(F.col("replayed_at_utc").isNull()).select(
        *[F.col(name[1:]).alias(name) for name in LATE_PLACE]
    )
    bronze = delta.read_bronze(spark, delta.bronze_path(settings.lake.root, contract.name))
    shared = bronze.where(~from_positions(epochs[-1].number, ends))
    lines = shared.transform(to_late_lines(contract, {epoch.number: epoch.topic_id for epoch in epochs}))
    return lines.join(F.broadcast(waiting), list(LATE_PLACE), "left_anti")


def _lies_in(span: Span, instant: Column) -> Column:
    inside = F.lit(True)
    if span.start is not None:
        inside &= instant >= F.lit(span.start)
    if span.end is not None:
        inside &= instant < F.lit(span.end)
    return inside
