"""How far the sinks are, read without Spark: for the demo and the live run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from courant.domain.contract import Contract
from courant.settings import Settings
from courant.stores import delta
from courant.stores.kafka import describe_topic
from courant.stores.mysql.connection import query, session


@dataclass(frozen=True, slots=True)
class Progress:
    """One data set at one moment."""

    log_end: int  # offsets written to the topic, all partitions
    mysql: int  # of these, taken by MySQL
    bronze_rows: int


def read_progress(settings: Settings, contract: Contract) -> Progress:
    """Ask Kafka, MySQL and the Delta log."""
    topic = describe_topic(settings, contract.topic)
    with session(settings, "reader") as connection:
        rows = _ask(
            connection,
            "SELECT SUM(next_offset) AS taken FROM ingest_offset WHERE dataset = %s AND topic_id = %s",
            (contract.name, topic.topic_id),
        )
    return Progress(
        log_end=sum(topic.stable_end.values()),
        mysql=int(rows[0]["taken"] or 0) if rows else 0,
        bronze_rows=bronze_rows(settings, contract),
    )


def bronze_rows(settings: Settings, contract: Contract) -> int:
    """Count bronze's rows."""
    return delta.count_rows(delta.bronze_path(settings.lake.root, contract.name))


def batches_since(settings: Settings, run_start_batch: int) -> list[dict[str, Any]]:
    """Give the accounts of MySQL's batches after one, oldest first."""
    with session(settings, "reader") as connection:
        return _ask(
            connection, "SELECT * FROM ingest_batch WHERE ingest_batch_id > %s ORDER BY 1", (run_start_batch,)
        )


def last_batch(settings: Settings) -> int:
    """Give the number of the newest batch; 0 before the first."""
    with session(settings, "reader") as connection:
        rows = _ask(connection, "SELECT MAX(ingest_batch_id) AS newest FROM ingest_batch", ())
    return int(rows[0]["newest"] or 0) if rows else 0


def rejects_by_rule(settings: Settings) -> list[tuple[str, str, int]]:
    """Give data set, rule and number of open rejects, most first."""
    with session(settings, "reader") as connection:
        rows = _ask(
            connection,
            "SELECT dataset, rules, COUNT(*) AS n FROM reject WHERE replayed_at IS NULL GROUP BY 1, 2 ORDER BY n DESC",
            (),
        )
    return [(row["dataset"], row["rules"], row["n"]) for row in rows]


def _ask(connection: Any, sql: str, parameters: tuple[Any, ...]) -> list[dict[str, Any]]:  # noqa: ANN401 - a connection
    """Ask for what the first ingest creates; nothing before it."""
    tables = query(connection, "SHOW TABLES LIKE 'ingest_batch'")
    return query(connection, sql, parameters) if tables else []
