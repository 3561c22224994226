"""NiFi is killed in mid-flow: after a restart each row is there, and what came twice changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

from ingesting import CONTRACTS, ask, disagreements, drain, own_sinks, own_topic
from nifi_flow import arrived, drop, for_nifi, letters, messages
from nifi_server import NifiServer
from pyspark.sql import SparkSession
from waiting import wait_until

from courant.generate import generate_file
from courant.nifi_deploy import deploy, state
from courant.settings import Settings

ROWS = 3_936


def test_a_kill_in_mid_flow_loses_nothing_and_doubles_nothing_downstream(
    stack: Settings,
    nifi: NifiServer,
    spark: SparkSession,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    settings = for_nifi(own_sinks(stack, "nifi_kill", tmp_path), nifi, tmp_path, rate=400)
    contract = own_topic(CONTRACTS["consumption_inf36"], settings, "faults.nifi_kill")
    file = tmp_path / "day.csv"
    generate_file(contract, file, start=date(2026, 1, 1), days=1, regions=["75"], seed=7)
    deploy(settings, contract, weeks=0)
    drop(settings, contract, file)
    wait_until(lambda: arrived(settings, contract.topic) > 500)

    nifi.kill()
    before = arrived(settings, contract.topic)
    nifi.start()
    wait_until(lambda: (found := state(settings, contract.name)) and not found.stopped and not found.queued)
    found = messages(settings, contract.topic, at_least=ROWS)

    assert 500 < before < ROWS  # it died in mid-flow
    duplicates = len(found) - ROWS
    assert len({(key, value["horodate"]) for _, key, value in found}) == ROWS
    record_property("rows that came twice", duplicates)
    drain(spark, settings, contract)
    assert disagreements(spark, settings, contract) == []
    assert ask(settings, "SELECT COUNT(*) FROM consumption") == [(ROWS,)]
    assert ask(settings, "SELECT SUM(accepted), SUM(rejected) FROM ingest_batch") == [(ROWS + duplicates, 0)]
    assert letters(settings) == []
