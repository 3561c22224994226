"""Where MySQL stands in a topic, kept in the same transactions as the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pymysql.connections import Connection

from courant.stores.mysql.connection import query

_NOW = "UTC_TIMESTAMP(3)"


@dataclass(frozen=True, slots=True)
class Epoch:
    """One life of a topic: recreated, it is another."""

    number: int  # how many topics of that name came before, as this project saw them
    topic_id: str  # Kafka's own id


def read_epochs(connection: Connection[Any], dataset: str) -> tuple[Epoch, ...]:
    """Give the topic's lives that this sink has taken records from, oldest first; none before the first ingest."""
    if not query(connection, "SHOW TABLES LIKE 'topic_epoch'"):
        return ()
    rows = query(
        connection, "SELECT epoch, topic_id FROM topic_epoch WHERE dataset = %s ORDER BY epoch", (dataset,)
    )
    return tuple(Epoch(row["epoch"], row["topic_id"]) for row in rows)


def read_positions(
    connection: Connection[Any], dataset: str, topic_id: str, *, lock: bool = False
) -> dict[int, int]:
    """Give the next offset per partition; with `lock`, hold the rows until the transaction ends."""
    rows = query(
        connection,
        "SELECT partition_id, next_offset FROM ingest_offset WHERE dataset = %s AND topic_id = %s"
        " ORDER BY partition_id" + (" FOR UPDATE" if lock else ""),
        (dataset, topic_id),
    )
    return {row["partition_id"]: row["next_offset"] for row in rows}


def add_epoch(connection: Connection[Any], dataset: str, epoch: Epoch, starts: dict[int, int]) -> None:
    """Record a topic's life and pre-create the position rows that batches lock; does not commit."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO topic_epoch (dataset, epoch, topic_id, first_seen_at) VALUES (%s, %s, %s, {_NOW})",
            (dataset, epoch.number, epoch.topic_id),
        )
    write_positions(connection, dataset, epoch.topic_id, starts)


def write_positions(
    connection: Connection[Any], dataset: str, topic_id: str, positions: dict[int, int]
) -> None:
    """Set the next offset of each partition; does not commit."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO ingest_offset (dataset, topic_id, partition_id, next_offset, updated_at) "
            f"VALUES (%s, %s, %s, %s, {_NOW}) "
            "ON DUPLICATE KEY UPDATE next_offset = VALUES(next_offset), updated_at = VALUES(updated_at)",
            [(dataset, topic_id, partition, offset) for partition, offset in sorted(positions.items())],
        )
