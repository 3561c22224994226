"""The stream of alerts: a query in Spark's real-time mode per data set, from its topic to the alerts' topic."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path

import psutil
from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from courant.domain.alert_rules import AlertRules
from courant.domain.contract import Contract
from courant.errors import IngestError
from courant.settings import Settings
from courant.stopping import stop_on_signals
from courant.stores.kafka import check_broker, describe_topic, ensure_topics, topic_identity
from courant.stores.kafka.alerts import ALERTS, alerts_topic
from courant.transforms.alerts import to_alerts
from courant.transforms.records import to_records

log = logging.getLogger(__name__)

#: How often positions are written down. Not a latency: records go through as they come.
_CHECKPOINT_EVERY = "10 minutes"
_POLL_S = 0.2


def run_stream(
    spark: SparkSession,
    settings: Settings,
    contracts: Sequence[Contract],
    rules: AlertRules,
    *,
    beside: int | None = None,
) -> None:
    """Judge readings as they arrive until a signal comes, or a query breaks.

    Parameters
    ----------
    beside
        The process that started this; when it was killed, this ends too, for two would share a checkpoint.

    Raises
    ------
    KafkaDownError, IngestError
        What ended a query.
    """
    ensure_topics(settings, contracts)
    alerts_topic(settings)
    with stop_on_signals() as stop:
        queries = [_start(spark, settings, contract, rules) for contract in contracts]
        log.info("watching %s", ", ".join(contract.name for contract in contracts))
        try:
            while not stop.wait(_POLL_S) and (beside is None or psutil.pid_exists(beside)):
                for query in queries:
                    _check(settings, query)
        finally:
            for query in queries:
                query.stop()


def slots_needed(settings: Settings, contracts: Sequence[Contract]) -> int:
    """Count the tasks that run at once, one for each partition, and one to spare; makes missing topics."""
    ensure_topics(settings, contracts)
    return 1 + sum(topic_identity(settings, contract.topic)[1] for contract in contracts)


def _start(spark: SparkSession, settings: Settings, contract: Contract, rules: AlertRules) -> StreamingQuery:
    topic_id, _ = topic_identity(settings, contract.topic)
    alerts = to_alerts(contract, rules.thresholds(contract.name), topic_id=topic_id)
    broker = {"kafka.bootstrap.servers": settings.kafka.bootstrap_servers}
    source = {
        "subscribe": contract.topic,
        "startingOffsets": _first_positions(settings, contract.topic, topic_id),
        "failOnDataLoss": "false",  # where retention was quicker, newer readings are what matters
    }
    records = spark.readStream.format("kafka").options(**broker, **source).load().transform(to_records)
    writer = (
        records.transform(alerts)
        .writeStream.format("kafka")
        .queryName(f"{contract.name}-alerts")
        .options(**broker, topic=ALERTS)
        .option("kafka.linger.ms", "0")
        .option("checkpointLocation", str(_checkpoint(settings, topic_id)))
        .outputMode("update")
        .trigger(realTime=_CHECKPOINT_EVERY)  # type: ignore[call-overload]  # not in PySpark's stubs yet
    )
    query: StreamingQuery = writer.start()
    return query


def _checkpoint(settings: Settings, topic_id: str) -> Path:
    """Give the folder of a topic's positions: of this very topic, so that one made anew is read anew."""
    return settings.lake.root / "_alerts" / topic_id


def _first_positions(settings: Settings, topic: str, topic_id: str) -> str:
    """Give the topic's end when it was first watched, which is where a query without a checkpoint begins.

    It is written down: a query killed before its first checkpoint would begin at the end again, and miss what came.
    """
    path = _checkpoint(settings, topic_id).with_suffix(".start.json")
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        ends = describe_topic(settings, topic).log_end
        scratch = path.with_suffix(".new")
        scratch.write_text(json.dumps({topic: {str(p): end for p, end in ends.items()}}), encoding="utf-8")
        scratch.replace(path)
    return path.read_text(encoding="utf-8")


def _check(settings: Settings, query: StreamingQuery) -> None:
    if query.isActive:
        return
    check_broker(settings)  # then that is why; Spark says it in words of its own
    error = query.exception()
    raise IngestError(
        f"The query {query.name} ended: {str(error).splitlines()[0] if error else 'it was stopped'}",
        remedy="start it again (an alert that is sent twice is kept once); COURANT_DEBUG=1 shows the whole trace",
    ) from error
