"""A second driver started by mistake on the same sinks: one of the two stops with its error."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fault_records import BATCH_RECORDS, records
from ingesting import (
    CONTRACTS,
    SHORT_LIVED,
    contracts_folder,
    disagreements,
    drain,
    environment_of,
    own_sinks,
    own_topic,
    send,
)
from pyspark.sql import SparkSession
from waiting import wait_until

from courant.domain.contract import Contract
from courant.errors import AnotherWriterError
from courant.ingest import application
from courant.ingest.sinks import Starts, open_starts
from courant.session import submit_command, submit_environment
from courant.settings import Settings


def test_a_driver_that_wakes_up_behind_another_one_stops_and_changes_nothing(
    stack: Settings, spark: SparkSession, tmp_path: Path
) -> None:
    settings = own_sinks(stack, "two_drivers", tmp_path, max_offsets_per_trigger=BATCH_RECORDS)
    contract = own_topic(CONTRACTS["consumption_inf36"], settings, "faults.two_drivers", partitions=4)
    send(settings, contract.topic, records())
    wake = tmp_path / "wake"
    arguments = ["asleep", "1", "--dataset", contract.name, "--drain"]
    contracts = contracts_folder(tmp_path / "contracts", contract)
    with subprocess.Popen(
        submit_command(settings, "tests/faults/dying_ingest.py", arguments, properties="spark-ingest.conf"),
        env=submit_environment()
        | environment_of(settings, contracts)
        | SHORT_LIVED
        | {"TEST_WAKE": str(wake)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as second:
        wait_until(lambda: wake.with_suffix(".asleep").exists() or second.poll() is not None)
        drain(spark, settings, contract)
        assert second.poll() is None
        wake.touch()
        told, _ = second.communicate(timeout=600)

    assert second.returncode == AnotherWriterError.exit_code == 20, told
    assert "another ingest" in told
    assert "Traceback" not in told
    assert disagreements(spark, settings, contract) == []


def test_an_ingest_that_is_overtaken_while_it_starts_repeats_nothing_in_bronze(
    stack: Settings, spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = own_sinks(stack, "overtaken", tmp_path, max_offsets_per_trigger=BATCH_RECORDS)
    contract = own_topic(CONTRACTS["consumption_inf36"], settings, "faults.overtaken", partitions=4)
    send(settings, contract.topic, records())

    def overtaken(settings: Settings, contract: Contract, topic: Any) -> Starts:
        """Look where the sinks stand, and let another ingest drain the topic before it is known for bronze."""
        monkeypatch.undo()
        before = open_starts(settings, contract, topic)
        drain(spark, settings, contract)
        return replace(before, mysql=open_starts(settings, contract, topic).mysql)

    monkeypatch.setattr(application, "open_starts", overtaken)
    with pytest.raises(AnotherWriterError, match="Bronze"):
        drain(spark.newSession(), settings, contract)

    assert disagreements(spark, settings, contract) == []
