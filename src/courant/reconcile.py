"""Reconcile: produced = bronze, bronze = accepted + rejected, and bronze's newest values = MySQL's, day by day."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from courant.domain.contract import Contract
from courant.ingest.sinks import read_states
from courant.ingest.start import SinkState
from courant.settings import Settings
from courant.stores import delta
from courant.stores.kafka import TopicState, count_committed, describe_topic
from courant.stores.mysql import checks
from courant.stores.mysql.connection import session
from courant.transforms.checksums import canonical_fields, to_daily_checksums, to_newest_checksums
from courant.transforms.records import with_typed_fields, with_verdict


@dataclass(frozen=True, slots=True)
class DayDifference:
    """A UTC day on which bronze's newest values and MySQL's differ."""

    day: str
    bronze_keys: int
    mysql_keys: int


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What reconcile found for one data set, up to the lowest position of its sinks."""

    dataset: str
    produced: int  # records a read_committed consumer sees in the compared offsets
    bronze: int  # of these, rows in bronze
    accepted: int  # of these, by the contract and the database
    rejected: int  # of these, kept in MySQL's reject
    mysql: int  # facts in MySQL
    missing: int  # records, rejects or keys that a layer lacks
    doubled: int  # records or keys that a layer has twice
    stale_days: int  # days with the right keys but other values
    lag: dict[str, int]  # offsets each sink is behind the log's stable end
    days: list[DayDifference] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether every layer agrees; lag is not a difference."""
        return not (self.missing or self.doubled or self.stale_days or self.days)


@dataclass(frozen=True, slots=True)
class _Range:
    """The offsets of the topic's present life that both sinks have."""

    epoch: int
    topic_id: str
    starts: dict[int, int]  # what the log still holds
    ends: dict[int, int]  # the lowest sink position
    mysql_has_read: bool  # before its first start, MySQL has no tables to ask


def to_document(found: list[Reconciliation]) -> dict[str, Any]:
    """Give plain values: `ok` for all, and per data set the counts, the differing days and its own `ok`."""
    return {
        "ok": all(one.ok for one in found),
        "datasets": {one.dataset: asdict(one) | {"ok": one.ok} for one in found},
    }


def reconcile(spark: SparkSession, settings: Settings, contract: Contract) -> Reconciliation:
    """Compare Kafka, bronze and MySQL of one data set, at one version of bronze.

    Returns
    -------
    Reconciliation
        Counts and differing days; read while the stream runs, what one sink has and the other has not yet is lag.
    """
    path = delta.bronze_path(settings.lake.root, contract.name)
    topic = describe_topic(settings, contract.topic)
    mysql, bronze = read_states(settings, contract)
    lag = _lag(mysql, bronze, topic)
    if not (mysql.topic_ids or bronze.topic_ids):
        return Reconciliation(contract.name, 0, 0, 0, 0, 0, 0, 0, 0, lag)
    shared = _shared_range(mysql, bronze, topic)
    records = _settled(delta.read_bronze(spark, path), shared)
    return _compare(spark, settings, contract, records, shared, lag)


def _shared_range(mysql: SinkState, bronze: SinkState, topic: TopicState) -> _Range:
    epoch = max(len(mysql.topic_ids), len(bronze.topic_ids), 1) - 1
    ends = {
        partition: min(_position(mysql, topic, partition), _position(bronze, topic, partition))
        for partition in topic.log_end
    }
    return _Range(epoch, topic.topic_id, topic.log_start, ends, bool(mysql.topic_ids))


def _position(state: SinkState, topic: TopicState, partition: int) -> int:
    is_present = bool(state.topic_ids) and state.topic_ids[-1] == topic.topic_id
    return state.positions.get(partition, 0) if is_present else 0


def _lag(mysql: SinkState, bronze: SinkState, topic: TopicState) -> dict[str, int]:
    return {
        state.sink: sum(max(end - _position(state, topic, p), 0) for p, end in topic.stable_end.items())
        for state in (mysql, bronze)
    }


def _settled(bronze: DataFrame, shared: _Range) -> DataFrame:
    """Keep what both sinks must have: earlier epochs, and this one below its ends."""
    present = F.lit(False)
    in_log = F.lit(False)
    for partition, end in shared.ends.items():
        here = (F.col("partition") == partition) & (F.col("offset") < end)
        present = present | here
        in_log = in_log | (here & (F.col("offset") >= shared.starts[partition]))
    is_present = F.col("topic_id") == shared.topic_id
    return bronze.where(~is_present | present).select(
        "topic_id",
        F.col("epoch").alias("_epoch"),
        F.col("partition").alias("_partition"),
        F.col("offset").alias("_offset"),
        F.col("broker_time_utc").alias("_timestamp"),
        F.col("key").alias("_key"),
        F.col("value").alias("_value"),
        (is_present & in_log).alias("_in_log"),
    )


def _compare(  # noqa: PLR0913, PLR0917 - the parts of one comparison
    spark: SparkSession,
    settings: Settings,
    contract: Contract,
    records: DataFrame,
    shared: _Range,
    lag: dict[str, int],
) -> Reconciliation:
    held = _read_mysql(settings, contract, shared) if shared.mysql_has_read else checks.NOTHING
    judged = _with_fate(contract, records, spark, held.rejects)
    counts, copies = _counts(judged), _copies(records)
    expected = _expected_days(spark, contract, judged, held.ahead)
    ranges = {p: (start, max(start, shared.ends[p])) for p, start in shared.starts.items()}
    produced = count_committed(settings, contract.topic, ranges=ranges)
    surplus = {
        p: (counts[p]["in_log"] if p in counts else 0) - copies.get(p, 0) - count
        for p, count in produced.items()
    }

    def total(name: str) -> int:
        return sum(row[name] for row in counts.values())

    days, missing, doubled, stale = _day_differences(expected, held.days)
    return Reconciliation(
        dataset=contract.name,
        produced=sum(produced.values()),
        bronze=total("in_log"),
        accepted=total("accepted"),
        rejected=total("rejected"),
        mysql=held.rows,
        missing=missing + total("unkept") - sum(min(more, 0) for more in surplus.values()),
        doubled=doubled + sum(copies.values()) + sum(max(more, 0) for more in surplus.values()),
        stale_days=stale,
        lag=lag,
        days=days,
    )


def _read_mysql(settings: Settings, contract: Contract, shared: _Range) -> checks.Held:
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
    places = records.groupBy("topic_id", "_partition", "_offset").count()
    surplus = places.where("count > 1").groupBy("_partition").agg(F.sum(F.col("count") - 1).alias("copies"))
    return {row["_partition"]: row["copies"] for row in surplus.collect()}


def _with_fate(contract: Contract, records: DataFrame, spark: SparkSession, rejects: Any) -> DataFrame:  # noqa: ANN401 - pyarrow has no types
    """Judge each record by the contract, and see whether MySQL keeps it as a reject."""
    stored = spark.createDataFrame(rejects)
    return (
        records.transform(with_typed_fields(contract))
        .transform(with_verdict(contract))
        .join(F.broadcast(stored), ["topic_id", "_partition", "_offset"], "left")
        .withColumn("_is_open_reject", F.coalesce("is_open", F.lit(False)))
        .withColumn("_is_rejected", F.col("_broken_rules").isNotNull() | F.col("_is_open_reject"))
    )


def _counts(judged: DataFrame) -> dict[int, Row]:
    """Count each partition's records by their fate."""
    in_log, is_rejected = F.col("_in_log"), F.col("_is_rejected")
    counts = judged.groupBy("_partition").agg(
        F.count_if(in_log).alias("in_log"),
        F.count_if(in_log & ~is_rejected).alias("accepted"),
        F.count_if(in_log & is_rejected).alias("rejected"),
        # Rejected by the contract, but MySQL does not keep it.
        F.count_if(F.col("_broken_rules").isNotNull() & F.col("is_open").isNull()).alias("unkept"),
    )
    return {row["_partition"]: row for row in counts.collect()}


def _expected_days(
    spark: SparkSession, contract: Contract, judged: DataFrame, ahead: list[dict[str, Any]]
) -> dict[date, checks.DaySum]:
    newest = to_newest_checksums(contract, judged.where(~F.col("_is_rejected")))
    if ahead:
        names = [f.name for f in contract.key_fields]
        rows = [tuple(key[name] for name in names) for key in ahead]
        newest = newest.join(spark.createDataFrame(rows, newest.select(*names).schema), names, "left_anti")
    return {
        row["day"]: checks.DaySum(int(row["keys"]), int(row["checksum"]))
        for row in to_daily_checksums(contract, newest).collect()
    }


def _day_differences(
    expected: dict[date, checks.DaySum], found: dict[date, checks.DaySum]
) -> tuple[list[DayDifference], int, int, int]:
    days, missing, doubled, stale = [], 0, 0, 0
    nothing = checks.DaySum(0, 0)
    for day in sorted(expected.keys() | found.keys()):
        bronze, mysql = expected.get(day, nothing), found.get(day, nothing)
        if bronze != mysql:
            days.append(DayDifference(day.isoformat(), bronze.keys, mysql.keys))
            missing += max(bronze.keys - mysql.keys, 0)
            doubled += max(mysql.keys - bronze.keys, 0)
            stale += bronze.keys == mysql.keys
    return days, missing, doubled, stale
