"""Kafka Connect, standalone, with Debezium's JDBC sink: upserts into MySQL, by configuration alone.

The sink wants records with a schema, and ours have none. The converter is given one for all of them (`schema.content`),
so none has to bring its own: that is faster than the usual envelope. What the schema leaves out is dropped.
The sink looks nothing up, so its table has the names themselves, in its key too, and no foreign keys.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka import Consumer, KafkaError, TopicPartition
from typed_rows import report, start

from courant.local.java import java_command
from courant.local.ports import LOCALHOST, free_ports
from courant.local.process import stop
from courant.local.secrets import write_private
from courant.settings import Settings
from courant.stores.kafka.client import patiently
from courant.stores.mysql.connection import connect, query
from courant.stores.mysql.schema import TABLE_OPTIONS

KEY = ("horodate", "code_region", "profil", "plage_de_puissance_souscrite")
INSTANT = {"type": "string", "name": "io.debezium.time.ZonedTimestamp"}
COLUMNS: dict[str, tuple[str, dict[str, str]]] = {  # the record's field: its type in MySQL, and in Connect
    "horodate": ("DATETIME", INSTANT),
    "code_region": ("VARCHAR(2)", {"type": "string"}),
    "profil": ("VARCHAR(64)", {"type": "string"}),
    "plage_de_puissance_souscrite": ("VARCHAR(64)", {"type": "string"}),
    "nb_points_soutirage": ("BIGINT", {"type": "int64"}),
    "total_energie_soutiree_wh": ("BIGINT", {"type": "int64"}),
    "courbe_moyenne_ndeg1_wh": ("DECIMAL(14,3)", {"type": "double"}),
    "indice_representativite_courbe_ndeg1": ("VARCHAR(16)", {"type": "string"}),
    "courbe_moyenne_ndeg2_wh": ("DECIMAL(14,3)", {"type": "double"}),
    "indice_representativite_courbe_ndeg2": ("VARCHAR(16)", {"type": "string"}),
    "courbe_moyenne_ndeg1_ndeg2_wh": ("DECIMAL(14,3)", {"type": "double"}),
    "indice_representativite_courbe_ndeg1_ndeg2": ("VARCHAR(16)", {"type": "string"}),
    "jour_max_du_mois_0_1": ("TINYINT", {"type": "int8"}),
    "semaine_max_du_mois_0_1": ("TINYINT", {"type": "int8"}),
}
BATCH_ROWS = 1_000  # in one statement and transaction
OFFSETS_EVERY_MS = 1_000
_NO_COORDINATOR_YET = (KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_NOT_AVAILABLE)
_LOOK_EVERY_S = 0.25
_STALLED_AFTER_S = 120
_STOPPED_WITHIN_S = 60


def main() -> None:
    settings, topic, rows = start()
    make_table(settings)
    with tempfile.TemporaryDirectory(dir=settings.home, prefix="kafka_connect-") as folder:
        offsets = committed_offsets(settings, topic, Path(folder).name)
        with worker(settings, topic, Path(folder)) as process:
            watch(process, offsets, rows)
        check_table(settings, next(offsets))


def watch(process: subprocess.Popen[bytes], offsets: Iterator[int], rows: int) -> None:
    """Report what is committed until it is so many rows, or some more: the worker itself would take the whole topic."""
    done, moved_at = 0, time.monotonic()
    while done < rows:
        time.sleep(_LOOK_EVERY_S)
        now = next(offsets)
        if now > done:
            done, moved_at = now, time.monotonic()
            report(done)
        if process.poll() is not None or time.monotonic() > moved_at + _STALLED_AFTER_S:
            raise SystemExit(f"the worker ended or does nothing, after {done} of {rows} rows")


def make_table(settings: Settings) -> None:
    """Make the table that the sink writes; what it would make itself has LONGTEXT for each text."""
    columns = [f"{name} {kind}{' NOT NULL' if name in KEY else ''}" for name, (kind, _) in COLUMNS.items()]
    body = ", ".join([*columns, f"PRIMARY KEY ({', '.join(KEY)})"])
    owner = connect(settings, "owner")
    query(owner, f"CREATE TABLE consumption ({body}) {TABLE_OPTIONS}")
    owner.close()


def committed_offsets(settings: Settings, topic: str, name: str) -> Iterator[int]:
    """Ask the broker up to where the sink has written, over and over: it commits offsets after rows.

    The records' offsets begin at 0 and have no gaps, so their sum is a number of rows.
    """
    servers, group = settings.kafka.bootstrap_servers, f"connect-{name}"  # as Connect names it
    consumer = Consumer({"bootstrap.servers": servers, "group.id": group})
    partitions = [TopicPartition(topic, number) for number in range(settings.kafka.partitions)]
    while True:
        committed = patiently(consumer.committed, partitions, also=_NO_COORDINATOR_YET)
        yield sum(max(partition.offset, 0) for partition in committed)


def check_table(settings: Settings, rows: int) -> None:
    """Count what the stopped worker left: as many rows as the offsets say."""
    reader = connect(settings, "reader")
    found = query(reader, "SELECT COUNT(*) AS n FROM consumption")[0]["n"]
    reader.close()
    if found != rows:
        raise SystemExit(f"consumption has {found} rows, and the offsets say {rows}")


@contextmanager
def worker(settings: Settings, topic: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker with the sink; at the end it commits what it has written and goes."""
    jars = Path(os.environ["BENCH_JARS"])
    (folder / "plugins").mkdir()
    (folder / "plugins" / "debezium").symlink_to(jars / "debezium")
    properties = "".join(f"{key}={value}\n" for key, value in worker_properties(settings, folder).items())
    (folder / "worker.properties").write_text(properties, encoding="utf-8")
    # The name is new each time, and with it the consumer group: it begins at the topic's start.
    sink = {"name": folder.name, "config": sink_properties(settings, topic)}
    write_private(folder / "sink.json", json.dumps(sink))
    command = [
        *java_command(), "-Xms256m", "-Xmx2g", "-XX:+UseParallelGC", "-Dlog4j2.level=WARN",
        "-cp", str(jars / "connect" / "*"), "org.apache.kafka.connect.cli.ConnectStandalone",
        "worker.properties", "sink.json",
    ]  # fmt: skip
    with subprocess.Popen(command, cwd=folder, stdout=sys.stderr) as process:
        try:
            yield process
        finally:
            stop([process.pid], patience_s=_STOPPED_WITHIN_S)


def worker_properties(settings: Settings, folder: Path) -> dict[str, object]:
    """Give the worker's configuration; a poll brings as many records as a batch has."""
    return {
        "bootstrap.servers": settings.kafka.bootstrap_servers,
        "listeners": f"http://{LOCALHOST}:{free_ports(1)[0]}",
        "plugin.path": folder / "plugins",
        "plugin.discovery": "service_load",
        "offset.storage.file.filename": folder / "offsets",
        "offset.flush.interval.ms": OFFSETS_EVERY_MS,
        "task.shutdown.graceful.timeout.ms": _STOPPED_WITHIN_S * 1_000 // 2,
        "key.converter": "org.apache.kafka.connect.storage.StringConverter",
        "value.converter": "org.apache.kafka.connect.json.JsonConverter",
        "consumer.max.poll.records": BATCH_ROWS,
        "consumer.max.partition.fetch.bytes": 4 * 1024 * 1024,
    }


def sink_properties(settings: Settings, topic: str) -> dict[str, str]:
    """Give the sink's configuration."""
    mysql = settings.mysql
    return {
        "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
        "tasks.max": str(settings.kafka.partitions),
        "topics": topic,
        "value.converter": "org.apache.kafka.connect.json.JsonConverter",
        "value.converter.schemas.enable": "true",
        "value.converter.schema.content": json.dumps(value_schema()),
        "connection.url": (
            f"jdbc:mysql://{mysql.host}:{mysql.port}/{mysql.database}"
            "?rewriteBatchedStatements=true&connectionTimeZone=UTC&forceConnectionTimeZoneToSession=true"
        ),
        "connection.username": "courant_writer",
        "connection.password": mysql.writer_password.get_secret_value(),
        "connection.pool.min_size": "1",
        # Through MySQL's driver, Hibernate does not recognise MariaDB; with MariaDB's own, the whole is slower.
        "hibernate.dialect": "org.hibernate.dialect.MariaDBDialect",
        "collection.name.format": "consumption",
        "insert.mode": "upsert",
        "primary.key.mode": "record_value",
        "primary.key.fields": ",".join(KEY),
        "batch.size": str(BATCH_ROWS),
    }


def value_schema() -> dict[str, object]:
    """Describe a record's value as the converter takes it; the fields it leaves out are dropped."""
    fields = [{"field": name, "optional": name not in KEY, **kind} for name, (_, kind) in COLUMNS.items()]
    return {"type": "struct", "fields": fields}


if __name__ == "__main__":
    main()
