"""What cannot work stops the ingest with one clear message and an exit code of its own, and loses nothing."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import NewPartitions
from deltalake import DeltaTable
from ingesting import (
    CONTRACTS,
    ROOT,
    SHORT_LIVED,
    admin,
    ask,
    contracts_folder,
    create_topic,
    disagreements,
    environment_of,
    independent_findings,
    own_sinks,
    own_topic,
    produce,
)
from pyspark.sql import SparkSession
from waiting import wait_until

from courant.domain.contract import Contract
from courant.errors import DiskFullError, PartitionsChangedError, TopicRecreatedError
from courant.ingest.application import run_ingest
from courant.ingest.realign import realign
from courant.ingest.watch import TopicWatch
from courant.local.ports import free_ports
from courant.session import submit_command, submit_environment
from courant.settings import Settings
from courant.stores.kafka import describe_topic
from courant.stores.mysql.sink import MySQLSink

JOB = "jobs/streaming/ingest_readings.py"
Ingest = Callable[..., tuple[int, str]]


@pytest.fixture
def ingest(
    spark: SparkSession,  # noqa: ARG001 - the session that the job finds
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Ingest:
    """Give the job in this process: (exit code, what it said), for settings given by variables."""

    def run(variables: dict[str, str], dataset: str = "balance") -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["ingest_readings.py", "--dataset", dataset, "--drain"])
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(ROOT / JOB), run_name="__main__")
        return ended.value.code, capsys.readouterr().err

    return run


class Scene:
    """A topic of its own for the data set balance, with sinks of its own."""

    def __init__(self, stack: Settings, name: str, folder: Path) -> None:
        self.settings = own_sinks(stack, name, folder, wait_for_server_s=1)
        self.contract: Contract = own_topic(
            CONTRACTS["balance"], self.settings, f"settings.{name}", partitions=1
        )
        self.contracts = contracts_folder(folder / "contracts", self.contract)
        self.variables = environment_of(self.settings, self.contracts)

    def produce(self, *hours: int, total: int = 5, partition: int = 0) -> None:
        records = [
            {"horodate": f"2026-02-01T{hour:02}:00:00Z", "consommation_totale": total} for hour in hours
        ]
        values = [json.dumps(record).encode() for record in records]
        produce(self.settings, self.contract.topic, values, partition=partition)

    def facts(self) -> dict[int, int]:
        rows = ask(self.settings, "SELECT HOUR(slot_start_utc), consommation_totale FROM balance ORDER BY 1")
        return dict(rows)

    def bronze_rows(self) -> int:
        return DeltaTable(str(self.settings.lake.root / "bronze" / "balance")).to_pyarrow_table().num_rows


@pytest.fixture
def scene(stack: Settings, request: pytest.FixtureRequest, tmp_path: Path) -> Scene:
    return Scene(stack, request.node.name.removeprefix("test_")[:40], tmp_path)


def assert_one_clear_message(told: str, *parts: str) -> None:
    assert told.count("Error: ") == 1
    assert told.count("What to do: ") == 1
    assert "Traceback" not in told
    for part in parts:
        assert part in told


def test_an_unknown_data_set_is_answered_with_the_names_there_are(stack: Settings) -> None:
    command = submit_command(stack, JOB, ["--dataset", "weather"], properties="spark-ingest.conf")
    environment = submit_environment() | SHORT_LIVED | {"COURANT_HOME": str(stack.home)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=600)

    assert done.returncode == 12
    assert_one_clear_message(
        done.stdout + done.stderr, "'weather'", "balance, consumption_inf36, consumption_sup36"
    )


def test_a_malformed_contract_is_named_with_its_fault(ingest: Ingest, scene: Scene) -> None:
    file = scene.contracts / "balance.odcs.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("logicalType: timestamp", "logicalType: moment"))

    code, told = ingest(scene.variables)

    assert code == 11
    assert_one_clear_message(told, str(file), "field horodate", "'moment'")


def test_a_missing_folder_of_contracts_is_named(ingest: Ingest, scene: Scene, tmp_path: Path) -> None:
    code, told = ingest(scene.variables | {"COURANT_CONTRACTS_DIR": str(tmp_path / "nowhere")})

    assert code == 11
    assert_one_clear_message(told, str(tmp_path / "nowhere"), "COURANT_CONTRACTS_DIR")


def test_a_setting_that_is_no_number_is_named(ingest: Ingest, scene: Scene) -> None:
    code, told = ingest(scene.variables | {"COURANT_MYSQL_PORT": "many"})

    assert code == 10
    assert_one_clear_message(told, "mysql.port")


def test_kafka_down_at_the_start_is_said(ingest: Ingest, scene: Scene) -> None:
    address = f"127.0.0.1:{free_ports(1)[0]}"
    code, told = ingest(scene.variables | {"COURANT_KAFKA_BOOTSTRAP_SERVERS": address})

    assert code == 17
    assert_one_clear_message(told, address, "courant up", "COURANT_KAFKA_BOOTSTRAP_SERVERS")


def test_mysql_down_at_the_start_is_said(ingest: Ingest, scene: Scene) -> None:
    port = str(free_ports(1)[0])
    code, told = ingest(scene.variables | {"COURANT_MYSQL_PORT": port})

    assert code == 18
    assert_one_clear_message(told, f"127.0.0.1:{port}", "courant up")


@pytest.mark.parametrize("account", ["OWNER", "WRITER"])
def test_a_wrong_password_is_said_and_not_shown(
    ingest: Ingest, stack: Settings, tmp_path: Path, account: str
) -> None:
    scene = Scene(stack, f"wrong_{account.lower()}", tmp_path)
    code, told = ingest(scene.variables | {f"COURANT_MYSQL_{account}_PASSWORD": "open-sesame"})

    assert code == 19
    assert_one_clear_message(told, f"courant_{account.lower()}", "secrets.json")
    assert "open-sesame" not in told


def test_offsets_lost_to_retention_are_named_and_nothing_is_skipped(ingest: Ingest, scene: Scene) -> None:
    scene.produce(0, 1, 2)
    assert ingest(scene.variables)[0] == 0
    scene.produce(3, 4, 5, 6)
    removed = TopicPartition(scene.contract.topic, 0, 5)
    client = admin(scene.settings)
    client.delete_records([removed])[removed].result(timeout=30)

    code, told = ingest(scene.variables)

    assert code == 21
    assert_one_clear_message(told, "[3, 5)", "partition 0", "courant realign balance")
    assert scene.facts() == dict.fromkeys((0, 1, 2), 5)
    assert scene.bronze_rows() == 3

    realign(scene.settings, scene.contract, apply=True)
    assert ingest(scene.variables)[0] == 0
    assert scene.facts() == dict.fromkeys((0, 1, 2, 5, 6), 5)
    assert scene.bronze_rows() == 5


def test_a_recreated_topic_is_refused_until_it_is_taken_for_a_new_one(ingest: Ingest, scene: Scene) -> None:
    scene.produce(0, 1, 2, total=5)
    assert ingest(scene.variables)[0] == 0
    watch = TopicWatch(scene.settings, describe_topic(scene.settings, scene.contract.topic))
    watch.check()
    recreate(scene)
    scene.produce(1, total=7)

    code, told = ingest(scene.variables)

    assert code == 22
    assert_one_clear_message(told, "recreated", scene.contract.topic, "courant realign balance")
    with pytest.raises(TopicRecreatedError, match="while it was read"):
        watch.check()
    assert scene.facts() == {0: 5, 1: 5, 2: 5}

    realign(scene.settings, scene.contract, apply=True)
    assert ingest(scene.variables)[0] == 0
    assert scene.facts() == {0: 5, 1: 7, 2: 5}  # offset 0 of the new topic is newer than offset 1 of the old
    assert scene.bronze_rows() == 4


def test_partitions_that_were_added_are_refused_until_they_are_taken_in(
    ingest: Ingest, scene: Scene, spark: SparkSession
) -> None:
    scene.produce(0)
    assert ingest(scene.variables)[0] == 0
    watch = TopicWatch(scene.settings, describe_topic(scene.settings, scene.contract.topic))
    add_partitions(scene, 3)
    scene.produce(1, 2, partition=2)

    code, told = ingest(scene.variables)

    assert code == 23
    assert_one_clear_message(told, "0-2", "courant realign balance")
    with pytest.raises(PartitionsChangedError, match="had 1 partitions and now has 3"):
        watch.check()
    assert scene.facts() == {0: 5}

    realign(scene.settings, scene.contract, apply=True)
    assert ingest(scene.variables)[0] == 0
    assert scene.facts() == {0: 5, 1: 5, 2: 5}
    assert disagreements(spark, scene.settings, scene.contract) == []


def test_a_last_batch_that_cannot_be_written_ends_the_ingest(
    scene: Scene, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object) -> None:
        raise DiskFullError("No room left", remedy="free some")

    scene.produce(0, 1)
    with monkeypatch.context() as patch:
        patch.setattr(MySQLSink, "_commit", refuse)
        for drain in (True, False):
            with pytest.raises(DiskFullError, match="No room left"):
                run_ingest(spark, scene.settings, [scene.contract], drain=drain)

    assert scene.facts() == {}
    run_ingest(spark, scene.settings, [scene.contract], drain=True)
    assert scene.facts() == {0: 5, 1: 5}


def test_a_start_that_has_nothing_to_do_changes_nothing(ingest: Ingest, scene: Scene) -> None:
    scene.produce(0, 1)
    assert ingest(scene.variables)[0] == 0
    before = (scene.facts(), scene.bronze_rows(), ask(scene.settings, "SELECT COUNT(*) FROM ingest_batch"))

    assert ingest(scene.variables)[0] == 0

    assert (
        scene.facts(),
        scene.bronze_rows(),
        ask(scene.settings, "SELECT COUNT(*) FROM ingest_batch"),
    ) == before
    assert independent_findings(scene.settings, scene.contract).agrees


def recreate(scene: Scene) -> None:
    client, topic = admin(scene.settings), scene.contract.topic
    client.delete_topics([topic])[topic].result(timeout=30)
    wait_until(lambda: topic not in client.list_topics(timeout=10).topics)
    create_topic(scene.settings, topic, 1)


def add_partitions(scene: Scene, count: int) -> None:
    client, topic = admin(scene.settings), scene.contract.topic
    client.create_partitions([NewPartitions(topic, count)])[topic].result(timeout=30)
    wait_until(lambda: len(describe_topic(scene.settings, topic).log_end) == count)
