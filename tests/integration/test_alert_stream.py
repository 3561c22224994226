"""The stream of alerts as the command runs it: the real job in real-time mode, beside the watcher, and under kills."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from alerting import alerting, jobs, kept, readings
from ingesting import CONTRACTS, ask, own_sinks, own_topic, produce
from waiting import wait_until
from webhook import webhook

from courant.domain.contract import Contract
from courant.settings import Settings
from courant.stores.mysql.migrate import upgrade


@pytest.fixture(scope="module")
def settings(stack: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    made = own_sinks(stack, "alert_stream", tmp_path_factory.mktemp("alert_stream"))
    upgrade(made)
    return made


@pytest.fixture
def contract(settings: Settings, request: pytest.FixtureRequest) -> Contract:
    return own_topic(CONTRACTS["balance"], settings, f"watched_{request.node.name[-30:]}", partitions=2)


def test_a_storm_of_readings_is_kept_whole_and_told_once(
    settings: Settings, contract: Contract, tmp_path: Path
) -> None:
    with webhook() as told, alerting(settings, contract, tmp_path, "storm", url=told.url):
        produce(settings, contract.topic, readings(500, load=101), partition=0)
        produce(settings, contract.topic, readings(500, load=101, first=500), partition=1)
        produce(settings, contract.topic, readings(500, load=99, first=1000), partition=0)
        wait_until(lambda: kept(settings, "storm") == 1000)
        wait_until(lambda: "storm raised" in told.bodies())

    assert told.bodies().count("storm raised") == 1
    places = ask(settings, "SELECT alert_id FROM alert WHERE rule = 'storm'")
    topic_id = places[0][0].split(":")[1]
    assert {row[0] for row in places} == {f"storm:{topic_id}:{p}:{o}" for p in (0, 1) for o in range(500)}
    assert jobs(settings) == []  # what the command started, it stopped


def test_nothing_is_missed_or_doubled_when_the_stream_is_killed_in_the_middle(
    settings: Settings, contract: Contract, tmp_path: Path
) -> None:
    with alerting(settings, contract, tmp_path, "killed") as process:
        produce(settings, contract.topic, readings(300, load=101))
        wait_until(lambda: kept(settings, "killed") > 0)
        killed = jobs(settings)
        for one in killed:
            one.kill()
        produce(settings, contract.topic, readings(300, load=101, first=300))
        wait_until(lambda: kept(settings, "killed") == 600)
        assert not any(one.is_running() for one in killed)
        assert process.poll() is None  # the command went on, and started the stream again

    assert "ended with exit code" in (tmp_path / "alerts.out").read_text()


def test_nothing_is_missed_or_doubled_when_the_command_is_killed_and_begun_again(
    settings: Settings, contract: Contract, tmp_path: Path
) -> None:
    with alerting(settings, contract, tmp_path, "all_killed", ends_with=-signal.SIGKILL) as process:
        produce(settings, contract.topic, readings(300, load=101))
        wait_until(lambda: kept(settings, "all_killed") > 0)
        process.kill()
        process.wait()
        wait_until(lambda: jobs(settings) == [])  # the stream notices, and ends
    produce(settings, contract.topic, readings(300, load=101, first=300))

    with alerting(settings, contract, tmp_path, "all_killed"):
        wait_until(lambda: kept(settings, "all_killed") == 600)
