"""Rebuild: layers made anew from bronze are what streaming made of it, also beside a running stream."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable
from ingesting import (
    CONTRACTS,
    SHORT_LIVED,
    ask,
    consumption_messages,
    contracts_folder,
    disagreements,
    drain,
    environment_of,
    forget_lake,
    own_sinks,
    own_topic,
    produce,
    send,
)
from pyspark.sql import SparkSession
from slow_paths import in_lake, in_mysql
from waiting import wait_until

from courant.batch.rebuild import rebuild
from courant.batch.rebuild_mysql import rebuild_mysql
from courant.batch.rebuild_parts import Days
from courant.batch.rebuild_silver import rebuild_silver
from courant.batch.replay_rejects import replay_rejects
from courant.batch.silver import build_silver
from courant.domain.contract import Contract, FieldType, Severity
from courant.domain.enedis import generate_days
from courant.domain.message import to_messages
from courant.errors import AnotherWriterError
from courant.reconcile import reconcile
from courant.session import submit_command, submit_environment
from courant.settings import Settings
from courant.stores import delta, delta_replace

ROWS_A_TRANSACTION = 5_000  # a day has 3,936 records: each is a transaction of its own
SEGMENTS, NEWER, BAD = 82, 1_000, 6
FACTS = 3 * 48 * SEGMENTS
MIDDLE = Days(date(2026, 3, 11), date(2026, 3, 11))


@dataclass(frozen=True)
class Scene:
    """Three Paris days of one region, streamed; beside them a day of the data set that shares the fact table."""

    settings: Settings
    contract: Contract
    other: Contract
    mysql: dict[str, list[Any]]
    lake: dict[str, list[Any]]

    def change(self, sql: str) -> None:
        ask(self.settings, sql, account="owner")

    def is_restored(self) -> bool:
        return in_mysql(self.settings, self.contract) == self.mysql


def records() -> pl.DataFrame:
    """Give three days, a thousand records again with another value, and six that are bad."""
    days = consumption_messages(first_day=date(2026, 3, 10), days=3, regions=["84"], seed=7)
    newer = days.head(NEWER).with_columns(
        pl.col("value").str.replace(r'"nb_points_soutirage":\d+', '"nb_points_soutirage":4242')
    )
    total = r'"total_energie_soutiree_wh":\d+'
    bad = (
        days.filter(pl.col("value").str.contains(total))
        .tail(BAD)
        .with_columns(pl.col("value").str.replace(total, '"total_energie_soutiree_wh":-5'))
    )
    return pl.concat([days, newer, bad])


@pytest.fixture(scope="module")
def scene(stack: Settings, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    settings = own_sinks(
        stack, "rebuild", tmp_path_factory.mktemp("rebuild"), max_offsets_per_trigger=ROWS_A_TRANSACTION
    )
    contract = own_topic(CONTRACTS["consumption_inf36"], settings, "tests.rebuild")
    other = own_topic(CONTRACTS["consumption_sup36"], settings, "tests.rebuild_other", partitions=1)
    send(settings, contract.topic, records())
    produce(settings, contract.topic, [b"{", None, b""], key=b"84", partition=1)
    rows = pl.concat(list(generate_days(other.name, start=date(2026, 3, 11), days=1, regions=["84"], seed=7)))
    messages = to_messages(rows.with_columns(pl.all().cast(pl.String)), other, shift=timedelta(0))
    send(settings, other.topic, messages.select("key", "value"))
    drain(spark, settings, contract, other)
    build_silver(spark, settings, contract)
    return Scene(settings, contract, other, in_mysql(settings, contract), in_lake(settings, contract))


DAMAGES = {
    "facts are gone": "DELETE FROM consumption WHERE HOUR(slot_start_utc) < 9",
    "facts have other values": "UPDATE consumption SET nb_points_soutirage = 1, source_offset = source_offset - 1"
    " WHERE slot_start_utc < '2026-03-11'",
    "a fact nobody sent": "INSERT INTO consumption SELECT '2026-04-01', region_code, segment_id, 1, 1, 1, NULL, 1,"
    " NULL, 1, NULL, 0, 0, 0, 0, 5 FROM consumption JOIN segment USING (segment_id)"
    " WHERE dataset = 'consumption_inf36' LIMIT 1",
    "rejects are gone": "DELETE FROM reject WHERE record_offset % 2 = 0",
    "all facts are gone": "TRUNCATE consumption",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_mysql_is_restored_from_bronze_whatever_was_done_to_it(
    scene: Scene, spark: SparkSession, damage: str
) -> None:
    scene.change(damage)
    assert not scene.is_restored()

    run = rebuild_mysql(spark, scene.settings, scene.contract)
    rebuild_mysql(spark, scene.settings, scene.other)

    assert scene.is_restored()
    assert run.rows == FACTS + NEWER
    assert disagreements(spark, scene.settings, scene.contract) == []


def test_a_rebuild_killed_between_two_transactions_is_finished_by_the_next(
    scene: Scene, spark: SparkSession, tmp_path: Path
) -> None:
    scene.change("TRUNCATE consumption")
    contracts = contracts_folder(tmp_path / "contracts", scene.contract)
    job = subprocess.Popen(
        submit_command(
            scene.settings, "jobs/batch/rebuild_layer.py", ["mysql", "--dataset", scene.contract.name]
        ),
        env=submit_environment() | SHORT_LIVED | environment_of(scene.settings, contracts),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    count = "SELECT COUNT(*) FROM consumption"
    wait_until(lambda: ask(scene.settings, count) != [(0,)] or job.poll() is not None)
    os.killpg(job.pid, signal.SIGKILL)
    job.wait()
    assert 0 < ask(scene.settings, count)[0][0] < FACTS

    rebuild_mysql(spark, scene.settings, scene.contract)
    rebuild_mysql(spark, scene.settings, scene.other)

    assert scene.is_restored()
    assert disagreements(spark, scene.settings, scene.contract) == []


def test_a_rebuild_notes_its_batches_and_the_days_they_touched(scene: Scene, spark: SparkSession) -> None:
    rebuild_mysql(spark, scene.settings, scene.contract, MIDDLE)

    batches = ask(
        scene.settings,
        "SELECT accepted, rejected, day_utc FROM ingest_batch JOIN day_change USING (ingest_batch_id)"
        " WHERE run_id = (SELECT run_id FROM ingest_batch ORDER BY ingest_batch_id DESC LIMIT 1)"
        " ORDER BY day_utc",
    )
    first, second = 2 * SEGMENTS, 46 * SEGMENTS  # 00:00 in Paris is 23:00 UTC of the day before
    assert batches == [(first + second, 0, date(2026, 3, 10)), (first + second, 0, date(2026, 3, 11))]


def test_only_the_chosen_paris_days_of_mysql_are_made_anew(scene: Scene, spark: SparkSession) -> None:
    scene.change(
        "UPDATE consumption SET nb_points_soutirage = 1 WHERE slot_start_utc >= '2026-03-10 22:30:00'"
    )

    rebuild_mysql(spark, scene.settings, scene.contract, MIDDLE)

    ((left, first, last),) = ask(
        scene.settings,
        "SELECT COUNT(*), MIN(IF(slot_start_utc >= '2026-03-11', slot_start_utc, NULL)), MIN(slot_start_utc)"
        " FROM v_consumption WHERE nb_points_soutirage = 1 AND dataset = 'consumption_inf36'",
    )
    assert (left, first, last) == (
        49 * SEGMENTS,
        datetime(2026, 3, 11, 23),  # noqa: DTZ001 - as MySQL gives it
        datetime(2026, 3, 10, 22, 30),  # noqa: DTZ001
    )
    rebuild_mysql(spark, scene.settings, scene.contract)
    rebuild_mysql(spark, scene.settings, scene.other)
    assert scene.is_restored()


@contextmanager
def running_ingest(settings: Settings, contracts: Path, folder: Path) -> Iterator[None]:
    """Run the ingest as a process of its own until the block ends; it must end well."""
    with (folder / "ingest.log").open("wb") as log:
        process = subprocess.Popen(
            submit_command(
                settings,
                "jobs/streaming/ingest_readings.py",
                ["--dataset", "consumption_inf36"],
                properties="spark-ingest.conf",
            ),
            env=submit_environment() | environment_of(settings, contracts) | SHORT_LIVED,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield
        assert process.poll() is None, (folder / "ingest.log").read_text()[-2000:]
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=600)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def sending(settings: Settings, topic: str) -> Iterator[None]:
    """Send corrections of all keys over and over, 1,000 a second at most, until the block ends."""
    messages, stop = records(), threading.Event()

    def send_on() -> None:
        for number in itertools.count():
            start = 500 * number % messages.height
            part = messages.slice(start, 500).with_columns(
                pl.col("value").str.replace(r'"nb_points_soutirage":\d+', f'"nb_points_soutirage":{number}')
            )
            send(settings, topic, part)
            if stop.wait(0.5):
                return

    with ThreadPoolExecutor(max_workers=1) as sender:
        sent = sender.submit(send_on)
        try:
            yield
        finally:
            stop.set()
        sent.result()


def test_mysql_is_rebuilt_beside_a_running_stream(
    stack: Settings, spark: SparkSession, tmp_path: Path
) -> None:
    settings = own_sinks(stack, "rebuild_live", tmp_path, max_offsets_per_trigger=ROWS_A_TRANSACTION)
    contract = own_topic(CONTRACTS["consumption_inf36"], settings, "tests.rebuild_live")
    send(settings, contract.topic, records())
    drain(spark, settings, contract)
    contracts = contracts_folder(tmp_path / "contracts", contract)
    before = batches(settings)
    with running_ingest(settings, contracts, tmp_path), sending(settings, contract.topic):
        wait_until(lambda: batches(settings) > before + 2)
        ask(
            settings,
            "UPDATE consumption SET nb_points_soutirage = 1 WHERE source_offset < 3000",
            account="owner",
        )
        ask(settings, "DELETE FROM consumption WHERE source_offset BETWEEN 3000 AND 4000", account="owner")

        run = rebuild_mysql(spark, settings, contract)

    drain(spark, settings, contract)
    assert run.rows >= FACTS
    assert ask(settings, STREAMED_MEANWHILE)[0][0] > 0
    assert disagreements(spark, settings, contract) == []


STREAMED_MEANWHILE = """
    SELECT COUNT(*) FROM ingest_batch JOIN (
        SELECT MIN(ingest_batch_id) AS first, MAX(ingest_batch_id) AS last
        FROM ingest_batch WHERE run_id LIKE 'rebuild-%') rebuilt
    ON ingest_batch_id BETWEEN first AND last WHERE run_id NOT LIKE 'rebuild-%'"""


def batches(settings: Settings) -> int:
    return int(ask(settings, "SELECT COUNT(*) FROM ingest_batch")[0][0])


# -- silver


def without_silver(scene: Scene, *layers: str) -> None:
    for layer in layers:
        shutil.rmtree(scene.settings.lake.root / layer / scene.contract.name)


@pytest.mark.parametrize("layers", [("silver",), ("silver", "rejects"), ()], ids=["silver", "both", "none"])
def test_silver_is_restored_from_bronze_after_its_folder_was_removed(
    scene: Scene, spark: SparkSession, layers: tuple[str, ...]
) -> None:
    without_silver(scene, *layers)
    forget_lake(spark)

    run = rebuild_silver(spark, scene.settings, scene.contract)

    assert (run.rows, run.rejects) == (FACTS, BAD + 3)
    assert in_lake(scene.settings, scene.contract) == scene.lake
    assert reconcile(spark, scene.settings, scene.contract).ok
    assert build_silver(spark, scene.settings, scene.contract).new_records == 0


def test_only_the_chosen_days_of_silver_are_made_anew(scene: Scene, spark: SparkSession) -> None:
    path = delta.silver_path(scene.settings.lake.root, scene.contract.name)
    DeltaTable(path).update({"nb_points_soutirage": "1"})

    rebuild_silver(spark, scene.settings, scene.contract, MIDDLE)

    rows = in_lake(scene.settings, scene.contract)["silver"]
    changed = {row["paris_day"]: row["nb_points_soutirage"] == 1 for row in rows}
    assert changed == {date(2026, 3, 10): True, MIDDLE.first: False, date(2026, 3, 12): True}
    of_the_day = [row for row in scene.lake["silver"] if row["paris_day"] == MIDDLE.first]
    assert [row for row in rows if row["paris_day"] == MIDDLE.first] == of_the_day
    rebuild_silver(spark, scene.settings, scene.contract)
    assert in_lake(scene.settings, scene.contract) == scene.lake


def test_a_changed_type_is_taken_up_by_a_whole_rebuild(scene: Scene, spark: SparkSession) -> None:
    fields = tuple(
        replace(f, type=FieldType.STRING, sql_type="VARCHAR(20)", minimum=None, maximum=None)
        if f.name == "nb_points_soutirage"
        else f
        for f in scene.contract.fields
    )
    rebuild_silver(spark, scene.settings, replace(scene.contract, fields=fields))

    kinds = {row["nb_points_soutirage"] for row in in_lake(scene.settings, scene.contract)["silver"]}
    assert "4242" in kinds
    rebuild_silver(spark, scene.settings, scene.contract)
    assert in_lake(scene.settings, scene.contract) == scene.lake


def test_silver_that_changed_since_it_was_looked_at_is_not_overwritten(
    scene: Scene, spark: SparkSession
) -> None:
    path = delta.silver_path(scene.settings.lake.root, scene.contract.name)
    since = delta_replace.read_state(path)
    rows = delta.read_table(spark, path, version=since.version)
    delta_replace.replace_all(path, rows.limit(3), since=since, partition_by=["paris_day"])

    with pytest.raises(AnotherWriterError, match="at the same time"):
        delta_replace.replace_all(path, rows, since=since, partition_by=["paris_day"])
    assert DeltaTable(path).to_pyarrow_dataset().count_rows() == 3
    rebuild_silver(spark, scene.settings, scene.contract)
    assert in_lake(scene.settings, scene.contract) == scene.lake


# -- a mended contract


@pytest.fixture
def mended(stack: Settings, spark: SparkSession, tmp_path: Path) -> tuple[Settings, Contract, Contract]:
    """Give layers of a balance with a reject that the mended contract lets pass."""
    settings = own_sinks(stack, f"rebuild_{tmp_path.name}", tmp_path)
    contract = own_topic(CONTRACTS["balance"], settings, f"tests.rebuild_{tmp_path.name}", partitions=1)
    slots = [f"2026-02-01T{hour:02}:00:00Z" for hour in range(4)]
    powers = [10, -20, 30, -40]
    values = [{"horodate": s, "consommation_totale": w} for s, w in zip(slots, powers, strict=True)]
    produce(settings, contract.topic, [json.dumps(value).encode() for value in values])
    drain(spark, settings, contract)
    build_silver(spark, settings, contract)
    warned = tuple(replace(rule, severity=Severity.WARN) for rule in contract.rules)
    return settings, contract, replace(contract, version="1.1.0", rules=warned)


def powers(settings: Settings, contract: Contract) -> tuple[list[int], list[int]]:
    in_facts = [
        row[0] for row in ask(settings, "SELECT consommation_totale FROM balance ORDER BY slot_start_utc")
    ]
    silver = sorted(in_lake(settings, contract)["silver"], key=lambda row: row["slot_start_utc"])
    return in_facts, [row["consommation_totale"] for row in silver]


def test_rejects_that_are_open_stay_so_and_those_that_were_replayed_too(
    mended: tuple[Settings, Contract, Contract], spark: SparkSession
) -> None:
    settings, _, contract = mended

    def rebuild_all() -> None:
        ask(settings, "TRUNCATE balance", account="owner")
        for layer in ("silver", "rejects"):
            shutil.rmtree(settings.lake.root / layer / "balance")
        forget_lake(spark)
        rebuild_mysql(spark, settings, contract)
        rebuild_silver(spark, settings, contract)

    rebuild_all()
    assert powers(settings, contract) == ([10, 30], [10, 30])
    assert reconcile(spark, settings, contract).ok

    replay_rejects(spark, settings, contract, now=datetime(2026, 4, 1, tzinfo=UTC))
    before = in_mysql(settings, contract), in_lake(settings, contract)
    rebuild_all()

    assert powers(settings, contract) == ([10, -20, 30, -40], [10, -20, 30, -40])
    assert (in_mysql(settings, contract), in_lake(settings, contract)["rejects"]) == (
        before[0],
        before[1]["rejects"],
    )
    assert reconcile(spark, settings, contract).ok


def test_what_was_replayed_and_is_bad_again_is_an_open_reject_again(
    mended: tuple[Settings, Contract, Contract], spark: SparkSession
) -> None:
    settings, strict, contract = mended
    replay_rejects(spark, settings, contract)

    rebuild_mysql(spark, settings, strict)
    rebuild_silver(spark, settings, strict)

    assert powers(settings, strict) == ([10, 30], [10, 30])
    assert ask(settings, "SELECT record_offset FROM reject WHERE replayed_at IS NULL ORDER BY 1") == [
        (1,),
        (3,),
    ]
    assert reconcile(spark, settings, strict).ok


def test_nothing_is_rebuilt_of_a_data_set_that_was_never_read(
    stack: Settings, spark: SparkSession, tmp_path: Path
) -> None:
    settings = own_sinks(stack, "rebuild_nothing", tmp_path)

    assert rebuild(spark, settings, [CONTRACTS["balance"]], layer="silver")["balance"]["rows"] == 0
    assert rebuild(spark, settings, [CONTRACTS["balance"]], layer="mysql")["balance"]["rows"] == 0
