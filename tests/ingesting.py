"""What the tests of the ingest share: sinks of their own on a running stack, raw producers, one drain."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import psutil
import pymysql
import pytest
from confluent_kafka.admin import AdminClient, NewTopic
from independent_check import Findings, check
from kafka import KafkaProducer
from pyspark.sql import SparkSession
from waiting import wait_until

from courant.domain.contract import Contract, load_contracts
from courant.domain.enedis import generate_days
from courant.domain.message import to_messages
from courant.ingest.application import run_ingest
from courant.local.accounts import account_statements
from courant.local.stack import down, status, up
from courant.reconcile import reconcile
from courant.session import CONF, get_spark, interactive_environment
from courant.settings import Settings, load_settings
from courant.stores.kafka import RecordSender

ROOT = Path(__file__).resolve().parents[1]
CONTRACTS = load_contracts(ROOT / "contracts")
#: Variables for a job of seconds: neither the optimising compiler nor a look at each class of our jars would pay.
SHORT_LIVED = {
    "JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UnlockDiagnosticVMOptions -XX:-BytecodeVerificationRemote"
}


@contextmanager
def a_stack_of_its_own(home: Path) -> Iterator[Settings]:
    """Give a running stack whose servers a test may stop or kill; its data is gone afterwards."""
    try:
        up(load_settings(home=home))
        yield load_settings(home=home)
    finally:
        down(load_settings(home=home))
        shutil.rmtree(home / "data", ignore_errors=True)


@contextmanager
def a_session() -> Iterator[SparkSession]:
    """Give a local session with the properties of conf/ and our jars, as spark-submit would make it."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in interactive_environment(load_settings(spark={"master": "local[2]"})).items():
            patch.setenv(name, value)
        session = get_spark("tests")
        yield session
        session.stop()


def ingest_properties() -> dict[str, str]:
    """Give what conf/ says of the ingest's plans, all of which a running session can be told."""
    lines = (CONF / "spark-ingest.conf").read_text(encoding="utf-8").splitlines()
    return dict(line.split(maxsplit=1) for line in lines if line.startswith("spark.sql."))


def end_server(stack: Settings, name: str, how: signal.Signals) -> None:
    """Stop or kill one of the stack's servers, and wait until it is no more."""
    pid = status(stack).services[name].pid
    assert pid
    os.kill(pid, how)
    wait_until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


def own_sinks(stack: Settings, name: str, folder: Path, **ingest: int) -> Settings:
    """Give the stack's Kafka with new databases and a new lake, so that no test sees another's data."""
    settings = stack.model_copy(
        update={
            "mysql": stack.mysql.model_copy(update={"database": f"courant_{name}"}),
            "mongo": stack.mongo.model_copy(update={"database": f"courant_{name}"}),
            "lake": stack.lake.model_copy(update={"root": folder / "lake"}),
            "ingest": stack.ingest.model_copy(update={"bronze_trigger_ms": 500} | ingest),
        }
    )
    for statement in account_statements(settings):
        ask(stack, statement, account="root")
    return settings


def own_topic(contract: Contract, settings: Settings, topic: str, *, partitions: int = 2) -> Contract:
    """Make a topic and give the contract that reads it."""
    config = {"max.message.bytes": str(settings.kafka.max_message_bytes)}
    create_topic(settings, topic, partitions, config)
    return replace(contract, topic=topic)


def create_topic(
    settings: Settings, topic: str, partitions: int, config: dict[str, str] | None = None
) -> None:
    """Make a topic and wait until the broker serves it."""
    wanted = NewTopic(topic, num_partitions=partitions, replication_factor=1, config=config or {})
    client = admin(settings)
    client.create_topics([wanted])[topic].result(timeout=30)
    wait_until(lambda: len(client.list_topics(topic, timeout=10).topics[topic].partitions) == partitions)


def admin(settings: Settings) -> AdminClient:
    """Give a client of the broker's administration."""
    return AdminClient({"bootstrap.servers": settings.kafka.bootstrap_servers})


def contracts_folder(folder: Path, contract: Contract) -> Path:
    """Write a folder with the published contract of this name that reads the given topic."""
    folder.mkdir(parents=True, exist_ok=True)
    text = (ROOT / "contracts" / f"{contract.name}.odcs.yaml").read_text(encoding="utf-8")
    published = CONTRACTS[contract.name].topic
    file = folder / f"{contract.name}.odcs.yaml"
    file.write_text(text.replace(f"value: {published}", f"value: {contract.topic}"), encoding="utf-8")
    return folder


def environment_of(settings: Settings, contracts: Path | None = None) -> dict[str, str]:
    """Give the variables with which another process finds these settings."""
    return {
        "COURANT_HOME": str(settings.home),
        "COURANT_MYSQL_DATABASE": settings.mysql.database,
        "COURANT_MONGO_DATABASE": settings.mongo.database,
        "COURANT_LAKE_ROOT": str(settings.lake.root),
        "COURANT_MLFLOW_ROOT": str(settings.mlflow.root),
        "COURANT_CONTRACTS_DIR": str(contracts or settings.contracts_dir),
        "COURANT_INGEST_BRONZE_TRIGGER_MS": str(settings.ingest.bronze_trigger_ms),
        "COURANT_INGEST_MAX_OFFSETS_PER_TRIGGER": str(settings.ingest.max_offsets_per_trigger),
        "COURANT_INGEST_WAIT_FOR_SERVER_S": str(settings.ingest.wait_for_server_s),
    }


@contextmanager
def raw_producer(settings: Settings) -> Iterator[KafkaProducer]:
    """Give a producer that sends bytes as they are; leaving waits for the broker."""
    producer = KafkaProducer(
        bootstrap_servers=settings.kafka.bootstrap_servers,
        acks="all",
        max_request_size=settings.kafka.max_message_bytes,
    )
    try:
        yield producer
        producer.flush(timeout=60)
    finally:
        producer.close()


def produce(
    settings: Settings,
    topic: str,
    values: Iterable[bytes | None],
    *,
    key: bytes | None = None,
    partition: int = 0,
) -> list[tuple[int, int]]:
    """Send values to one partition in their order; give the places (partition, offset) the broker put them at."""
    with raw_producer(settings) as producer:
        sent = [producer.send(topic, value=value, key=key, partition=partition) for value in values]
    return [(metadata.partition, metadata.offset) for metadata in (future.get(timeout=60) for future in sent)]


def consumption_messages(*, first_day: date, days: int, regions: list[str], seed: int) -> pl.DataFrame:
    """Generate messages of consumption_inf36, 82 per slot and region; columns key and value."""
    contract = CONTRACTS["consumption_inf36"]
    frames = generate_days(contract.name, start=first_day, days=days, regions=regions, seed=seed)
    rows = pl.concat(frames).with_columns(pl.all().cast(pl.String))
    return to_messages(rows, contract, shift=timedelta(0)).select("key", "value")


def send(settings: Settings, topic: str, messages: pl.DataFrame) -> None:
    """Send messages as the replay does."""
    with RecordSender(settings, topic) as sender:
        sender.send(messages["key"].to_list(), messages["value"].to_list())
    assert sender.failed == 0


def drain(spark: SparkSession, settings: Settings, *contracts: Contract) -> None:
    """Run the job's own application in this process until it has caught up."""
    run_ingest(spark, settings, list(contracts), drain=True)


def ask(
    settings: Settings, sql: str, parameters: tuple[Any, ...] = (), *, account: str = "reader"
) -> list[tuple[Any, ...]]:
    """Run one statement with a plain client and give its rows."""
    mysql = settings.mysql
    connection = pymysql.connect(
        host=mysql.host,
        port=mysql.port,
        user=account if account == "root" else f"courant_{account}",
        password=getattr(mysql, f"{account}_password").get_secret_value(),
        database=mysql.database if account != "root" else None,
        charset="utf8mb4",
        autocommit=True,
    )
    with closing(connection), connection.cursor() as cursor:
        cursor.execute(sql, parameters or None)
        return list(cursor.fetchall())


def rejects(settings: Settings) -> dict[tuple[int, int], str]:
    """Give the rules of every reject by its place."""
    rows = ask(settings, "SELECT partition_id, record_offset, rules FROM reject")
    return {(partition, offset): rules for partition, offset, rules in rows}


def disagreements(spark: SparkSession, settings: Settings, contract: Contract) -> list[object]:
    """Give what reconcile and the independent check find wrong: nothing, where all is well."""
    ours = reconcile(spark, settings, contract)
    theirs = independent_findings(settings, contract)
    assert ours.produced == ours.bronze == theirs.produced
    assert not any(ours.lag.values()), ours.lag
    return [found for found, agrees in ((ours, ours.ok), (theirs, theirs.agrees)) if not agrees]


def independent_findings(settings: Settings, contract: Contract) -> Findings:
    """Ask for the second opinion."""
    return check(
        bootstrap=settings.kafka.bootstrap_servers,
        topic=contract.topic,
        dataset=contract.name,
        mysql=server_of(settings),
        bronze=settings.lake.root / "bronze" / contract.name,
    )


def server_of(settings: Settings) -> dict[str, Any]:
    """Give what the independent check connects to MySQL with."""
    mysql = settings.mysql
    return {
        "host": mysql.host,
        "port": mysql.port,
        "user": "courant_reader",
        "password": mysql.reader_password.get_secret_value(),
        "database": mysql.database,
    }


def forget_lake(spark: SparkSession) -> None:
    """Make Spark read Delta logs anew, as a new driver would: a test changed them behind its back."""
    spark._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()
