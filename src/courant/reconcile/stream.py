"""Kafka, bronze and MySQL: produced = bronze = accepted + rejected, and the newest values agree day by day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from courant.domain.contract import Contract
from courant.ingest.sinks import read_states
from courant.ingest.start import SinkState
from courant.reconcile.days import collect_days, compare_sums
from courant.reconcile.found import Reconciliation
from courant.reconcile.records import PLACE, is_below
from courant.settings import Settings
from courant.stores.kafka import TopicState, count_committed, describe_topic
from courant.stores.mysql import checks
from courant.stores.mysql.checks import DaySum
from courant.stores.mysql.connection import session
from courant.transforms.checksums import canonical_fields, to_newest_checksums


@dataclass(frozen=True, slots=True)
class Sinks:
    """Where the topic ends, and where both sinks stand in it."""

    topic: TopicState
    mysql: SinkState
    bronze: SinkState

    @property
    def have_read(self) -> bool:
        """Whether any of them has ever started."""
        return bool(self.mysql.topic_ids or self.bronze.topic_ids)

    @property
    def lag(self) -> dict[str, int]:
        """Offsets each sink is behind the log's stable end."""
        ends = self.topic.stable_end.items()
        return {
            state.sink: sum(max(end - _position(state, self.topic, p), 0) for p, end in ends)
            for state in (self.mysql, self.bronze)
        }


@dataclass(frozen=True, slots=True)
class SharedRange:
    """The offsets of the topic's present life that both sinks have."""

    epoch: int
    topic_id: str
    starts: dict[int, int]  # what the log still holds
    ends: dict[int, int]  # the lowest sink position
    mysql_has_read: bool  # before its first start, MySQL has no tables to ask


@dataclass(frozen=True, slots=True)
class SinksCompared:
    """What the sinks came to, and what it was compared over."""

    found: Reconciliation
    shared: SharedRange
    held: checks.Held


def read_sinks(settings: Settings, contract: Contract) -> Sinks:
    """Ask the topic and both sinks."""
    topic = describe_topic(settings, contract.topic)
    return Sinks(topic, *read_states(settings, contract))


def compare_sinks(
    spark: SparkSession, settings: Settings, contract: Contract, judged: DataFrame, sinks: Sinks
) -> SinksCompared:
    """Compare Kafka, bronze and MySQL over what both sinks have.

    Parameters
    ----------
    judged
        Bronze by `to_judged_records`, at a version not older than `sinks`.
    """
    shared = _shared_range(sinks)
    records = _settled(judged, shared)
    held = _read_mysql(settings, contract, shared) if shared.mysql_has_read else checks.NOTHING
    with_fate = with_kept_rejects(spark, records, held)
    counts, copies = _counts(with_fate), _copies(records)
    expected = _expected_days(spark, contract, with_fate, held.ahead)
    ranges = {p: (start, max(start, shared.ends[p])) for p, start in shared.starts.items()}
    produced = count_committed(settings, contract.topic, ranges=ranges)
    surplus = {
        p: (counts[p]["in_log"] if p in counts else 0) - copies.get(p, 0) - count
        for p, count in produced.items()
    }

    def total(name: str) -> int:
        return sum(row[name] for row in counts.values())

    differ = compare_sums("mysql", expected, held.days)
    found = Reconciliation(
        dataset=contract.name,
        produced=sum(produced.values()),
        bronze=total("in_log"),
        accepted=total("accepted"),
        rejected=total("rejected"),
        mysql=held.rows,
        missing=differ.missing + total("unkept") - sum(min(more, 0) for more in surplus.values()),
        doubled=differ.doubled + sum(copies.values()) + sum(max(more, 0) for more in surplus.values()),
        stale_days=differ.stale,
        lag=sinks.lag,
        days=differ.days,
    )
    return SinksCompared(found, shared, held)


def _shared_range(sinks: Sinks) -> SharedRange:
    mysql, bronze, topic = sinks.mysql, sinks.bronze, sinks.topic
    epoch = max(len(mysql.topic_ids), len(bronze.topic_ids), 1) - 1
    ends = {
        partition: min(_position(mysql, topic, partition), _position(bronze, topic, partition))
        for partition in topic.log_end
    }
    return SharedRange(epoch, topic.topic_id, topic.log_start, ends, bool(mysql.topic_ids))


def _position(state: SinkState, topic: TopicState, partition: int) -> int:
    is_present = bool(state.topic_ids) and state.topic_ids[-1] == topic.topic_id
    return state.positions.get(partition, 0) if is_present else 0


def _settled(judged: DataFrame, shared: SharedRange) -> DataFrame:
    """Keep what both sinks must have: earlier epochs, and this one below its ends; mark what the log still holds."""
    in_log = F.lit(False)
    for partition, start in shared.starts.items():
        in_log |= (F.col("_partition") == partition) & (F.col("_offset") >= start)
    is_present = F.col("topic_id") == shared.topic_id
    return judged.where(is_below(shared.epoch, shared.ends)).withColumn("_in_log", is_present & in_log)


def _read_mysql(settings: Settings, contract: Contract, shared: SharedRange) -> checks.Held:
    with session(settings, "reader") as connection:
        return checks.read_held(
            connection,
            contract,
            keys=contract.key_fields,
            fields=canonical_fields(contract),
            epoch=shared.epoch,
            ends=shared.ends,
        )


def _copies(records: DataFrame) -> dict[int, int]:
    """Count the rows of each partition that stand in bronze more than once."""
    surplus = records.groupBy(*PLACE).count().where("count > 1")
    copies = surplus.groupBy("_partition").agg(F.sum(F.col("count") - 1).alias("copies"))
    return {row["_partition"]: row["copies"] for row in copies.collect()}


def with_kept_rejects(spark: SparkSession, records: DataFrame, held: checks.Held) -> DataFrame:
    """See whether MySQL keeps each record as a reject: adds `is_open` (null where it does not) and `_is_rejected`."""
    joined = records.join(F.broadcast(spark.createDataFrame(held.rejects)), list(PLACE), "left")
    is_open_reject = F.coalesce("is_open", F.lit(False))
    return joined.withColumn("_is_rejected", F.col("_is_broken") | is_open_reject)


def _counts(judged: DataFrame) -> dict[int, Row]:
    """Count each partition's records by their fate."""
    in_log, is_rejected = F.col("_in_log"), F.col("_is_rejected")
    counts = judged.groupBy("_partition").agg(
        F.count_if(in_log).alias("in_log"),
        F.count_if(in_log & ~is_rejected).alias("accepted"),
        F.count_if(in_log & is_rejected).alias("rejected"),
        # Rejected by the contract, but MySQL does not keep it.
        F.count_if(F.col("_is_broken") & F.col("is_open").isNull()).alias("unkept"),
    )
    return {row["_partition"]: row for row in counts.collect()}


def _expected_days(
    spark: SparkSession, contract: Contract, with_fate: DataFrame, ahead: list[dict[str, Any]]
) -> dict[date, DaySum]:
    newest = to_newest_checksums(contract, with_fate.where(~F.col("_is_rejected")))
    if ahead:
        names = [f.name for f in contract.key_fields]
        rows = [tuple(key[name] for name in names) for key in ahead]
        newest = newest.join(spark.createDataFrame(rows, newest.select(*names).schema), names, "left_anti")
    return collect_days(contract, newest)
