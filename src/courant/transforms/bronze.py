"""Kafka records become bronze rows: everything that arrived, raw, with its place in the topic."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def to_bronze(kafka: DataFrame, *, topic_id: str, epoch: int) -> DataFrame:
    """Keep each record as it arrived.

    Parameters
    ----------
    kafka
        Kafka's source columns, headers included.
    topic_id, epoch
        Kafka's id of the topic, and how many topics of that name came before it.

    Returns
    -------
    DataFrame
        topic, topic_id, epoch, partition, offset, broker_time_utc, key (binary), value (binary, null for a
        tombstone), headers, ingest_date (UTC date of the batch). One row per record.
    """
    return kafka.select(
        "topic",
        F.lit(topic_id).alias("topic_id"),
        F.lit(epoch).cast("int").alias("epoch"),
        "partition",
        "offset",
        F.col("timestamp").alias("broker_time_utc"),
        "key",
        "value",
        "headers",
        F.current_date().alias("ingest_date"),
    )
