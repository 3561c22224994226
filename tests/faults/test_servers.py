"""Servers that die, and stores that come back as older copies of themselves; on a stack of their own."""

from __future__ import annotations

import shutil
import signal
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pymysql
import pytest
from fault_records import BATCH_RECORDS, records
from ingesting import (
    CONTRACTS,
    a_stack_of_its_own,
    ask,
    disagreements,
    drain,
    end_server,
    forget_lake,
    own_sinks,
    own_topic,
    send,
)
from pyspark.sql import SparkSession
from waiting import wait_until

from courant.alerts.watch import watch
from courant.domain.alert import Alert, Change, Urgency
from courant.domain.alert_rules import AlertRules
from courant.domain.contract import Contract
from courant.errors import KafkaDownError, MySQLDownError
from courant.local.server import folder_of
from courant.local.stack import up
from courant.settings import Settings
from courant.stores.kafka.alerts import send_alerts
from courant.stores.mysql import alerts as alert_store
from courant.stores.mysql.sink import MySQLSink

HALF = 8_000


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Give a stack whose servers these tests may kill."""
    with a_stack_of_its_own(tmp_path_factory.mktemp("fragile")) as stack:
        yield stack


@pytest.fixture
def sinks(own_stack: Settings, request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    name = request.node.name.removeprefix("test_")[:40]
    return own_sinks(own_stack, name, tmp_path, max_offsets_per_trigger=BATCH_RECORDS, wait_for_server_s=120)


@pytest.fixture
def contract(sinks: Settings) -> Contract:
    return own_topic(CONTRACTS["consumption_inf36"], sinks, sinks.mysql.database, partitions=4)


class Killing:
    """Kills a server once, in the middle of the ingest, and brings it up again beside it."""

    def __init__(self, stack: Settings, server: str) -> None:
        self.stack, self.server = stack, server
        self.calls = 0
        self.revival = threading.Thread(target=up, args=(stack,))

    def after(self, original: Any, nth: int) -> Any:
        def replaced(*arguments: Any) -> Any:
            result = original(*arguments)
            self.calls += 1
            if self.calls == nth:
                self.kill()
            return result

        return replaced

    def kill(self) -> None:
        end_server(self.stack, self.server, signal.SIGKILL)
        self.revival.start()


def test_mysql_killed_in_the_middle_of_a_load_is_waited_for(
    own_stack: Settings,
    sinks: Settings,
    contract: Contract,
    spark: SparkSession,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    send(sinks, contract.topic, records())
    killing = Killing(own_stack, "mysql")
    monkeypatch.setattr(MySQLSink, "_load_facts", killing.after(MySQLSink._load_facts, nth=2))

    drain(spark, sinks, contract)

    killing.revival.join()
    assert killing.calls > 3  # the load that was cut off is made again
    assert disagreements(spark, sinks, contract) == []


def test_a_watcher_of_alerts_outlives_mysql_in_its_transaction_and_the_broker(
    own_stack: Settings, sinks: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    killing, stop = Killing(own_stack, "mysql"), threading.Event()
    original = alert_store.write_standings  # after the alerts, before the commit
    monkeypatch.setattr(alert_store, "write_standings", killing.after(original, nth=1))
    failures = []

    def run() -> None:
        try:
            rules = AlertRules(check_every_s=0.2)
            watch(sinks, rules, CONTRACTS, {}, stop=stop, report=lambda *_: None)
        except BaseException as error:
            failures.append(error)
            raise

    watcher = threading.Thread(target=run)
    watcher.start()
    try:
        send_alerts(sinks, [an_alert(number) for number in range(100)])
        wait_until(lambda: killing.revival.ident)  # it has begun
        killing.revival.join()
        wait_until(lambda: failures or kept_alerts(sinks) == 100)
        assert failures == []
        broker = Killing(own_stack, "kafka")
        broker.kill()
        broker.revival.join()
        send_alerts(sinks, [an_alert(number) for number in range(50, 150)])
        wait_until(lambda: kept_alerts(sinks) == 150)
    finally:
        stop.set()
        watcher.join(timeout=60)

    assert killing.calls > 1  # what was cut off is done again
    [(alerts,)] = ask(sinks, "SELECT alerts FROM alert_standing WHERE rule = 'outlived'")
    assert alerts == 150


def an_alert(number: int) -> Alert:
    return Alert(
        f"outlived:{number}", "outlived", "foreign", "balance", "balance", Urgency.WARNING, Change.RAISED,
        datetime.now(UTC),
    )  # fmt: skip


def kept_alerts(settings: Settings) -> int:
    try:
        [(count,)] = ask(settings, "SELECT COUNT(*) FROM alert WHERE rule = 'outlived'")
    except pymysql.err.MySQLError:  # it is away, or was never there
        return 0
    return int(count)


def test_a_broker_killed_between_batches_is_waited_for(
    own_stack: Settings,
    sinks: Settings,
    contract: Contract,
    spark: SparkSession,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    send(sinks, contract.topic, records())
    killing = Killing(own_stack, "kafka")
    monkeypatch.setattr(MySQLSink, "_commit", killing.after(MySQLSink._commit, nth=2))

    drain(spark, sinks, contract)

    killing.revival.join()
    assert killing.calls == 3
    assert disagreements(spark, sinks, contract) == []


DOWN = {"mysql": MySQLDownError, "kafka": KafkaDownError}


@pytest.mark.parametrize("server", DOWN)
def test_a_server_that_stays_away_ends_the_job_with_its_error(
    own_stack: Settings,
    tmp_path: Path,
    spark: SparkSession,
    monkeypatch: pytest.MonkeyPatch,
    server: str,
) -> None:
    settings = own_sinks(
        own_stack, f"{server}_away", tmp_path, max_offsets_per_trigger=1_000, wait_for_server_s=2
    )
    contract = own_topic(CONTRACTS["consumption_inf36"], settings, f"faults.{server}_away", partitions=1)
    send(settings, contract.topic, records().head(HALF))
    killing = Killing(own_stack, server)
    with monkeypatch.context() as patch:
        patch.setattr(killing.revival, "start", lambda: None)
        patch.setattr(MySQLSink, "_load_facts", killing.after(MySQLSink._load_facts, nth=2))
        with pytest.raises(DOWN[server]) as ended:
            drain(spark, settings, contract)
    assert "courant up" in ended.value.remedy

    up(own_stack)
    drain(spark, settings, contract)
    assert disagreements(spark, settings, contract) == []


def test_mysql_put_back_to_an_earlier_copy_catches_up(
    own_stack: Settings, sinks: Settings, contract: Contract, spark: SparkSession, tmp_path: Path
) -> None:
    messages = records()
    send(sinks, contract.topic, messages.head(HALF))
    drain(spark, sinks, contract)
    data = folder_of(own_stack.home, "mysql")
    end_server(own_stack, "mysql", signal.SIGTERM)
    shutil.copytree(data, tmp_path / "copy", ignore=shutil.ignore_patterns("*.sock"))
    up(own_stack)
    send(sinks, contract.topic, messages.tail(-HALF))
    drain(spark, sinks, contract)
    facts = ask(sinks, "SELECT COUNT(*), MAX(nb_points_soutirage) FROM consumption")

    end_server(own_stack, "mysql", signal.SIGTERM)
    shutil.rmtree(data)
    shutil.copytree(tmp_path / "copy", data)
    up(own_stack)
    assert ask(sinks, "SELECT SUM(next_offset) FROM ingest_offset") == [(HALF,)]
    drain(spark, sinks, contract)

    assert ask(sinks, "SELECT COUNT(*), MAX(nb_points_soutirage) FROM consumption") == facts
    assert disagreements(spark, sinks, contract) == []


def test_a_lake_put_back_to_an_earlier_copy_or_gone_catches_up(
    sinks: Settings, contract: Contract, spark: SparkSession, tmp_path: Path
) -> None:
    messages = records()
    send(sinks, contract.topic, messages.head(HALF))
    drain(spark, sinks, contract)
    shutil.copytree(sinks.lake.root, tmp_path / "copy")
    send(sinks, contract.topic, messages.tail(-HALF))
    drain(spark, sinks, contract)

    shutil.rmtree(sinks.lake.root)
    shutil.copytree(tmp_path / "copy", sinks.lake.root)
    forget_lake(spark)
    drain(spark, sinks, contract)
    assert disagreements(spark, sinks, contract) == []

    shutil.rmtree(sinks.lake.root)
    forget_lake(spark)
    drain(spark, sinks, contract)
    assert disagreements(spark, sinks, contract) == []
