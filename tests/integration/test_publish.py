"""Documents in a real document store, from MySQL and from the lake: the same, and healed after a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import bson
import polars as pl
import pytest
from ingesting import CONTRACTS, ROOT, SHORT_LIVED, drain, environment_of, own_sinks, own_topic, send
from lakes import add_to_bronze, values_of
from publishing import COLLECTIONS, all_bytes, documents, empty, generated
from pyspark.sql import SparkSession
from waiting import wait_until

from courant.batch.gold import build_gold
from courant.batch.half_hours import open_half_hours
from courant.batch.publish import delete_stale, publish
from courant.batch.silver import build_silver
from courant.domain.contract import Contract
from courant.errors import MongoDownError
from courant.local.stack import status, up
from courant.published import read_published
from courant.session import submit_command, submit_environment
from courant.settings import Settings, load_settings
from courant.stores import mongo

REAL = Path(os.environ.get("COURANT_REAL_DATA") or ROOT.parent / "shared" / "data") / "enedis"
AUTUMN, SPRING = date(2025, 10, 26), date(2026, 3, 29)
DAYS = (AUTUMN, date(2026, 3, 27), date(2026, 3, 28), SPRING, date(2026, 3, 30))
SMALL_PROFILES = 13
Bytes = dict[str, dict[str, bytes]]  # documents by collection and id


@dataclass(frozen=True)
class Scene:
    """Facts in MySQL and in gold, from one stream of records."""

    settings: Settings
    balance: Contract
    inf36: Contract

    @property
    def contracts(self) -> list[Contract]:
        return [self.balance, self.inf36]

    def take(self, spark: SparkSession) -> None:
        """Bring MySQL, bronze, silver and gold up to the topics."""
        drain(spark, self.settings, *self.contracts)
        for contract in self.contracts:
            build_silver(spark, self.settings, contract)
        build_gold(spark, self.settings, self.contracts)


def a_scene(stack: Settings, name: str, folder: Path) -> Scene:
    settings = own_sinks(stack, name, folder)
    topics = {contract: f"tests.{name}.{contract}" for contract in ("balance", "consumption_inf36")}
    owned = [own_topic(CONTRACTS[contract], settings, topic) for contract, topic in topics.items()]
    return Scene(settings, *owned)


@pytest.fixture(scope="module")
def filled(stack: Settings, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Give five days, two of them of a clock change; a quarter of an hour and a segment's slot are missing."""
    scene = a_scene(stack, "publish", tmp_path_factory.mktemp("publish"))
    for first, days, regions in ((AUTUMN, 1, ["84"]), (DAYS[1], 4, ["11", "84"])):
        power = generated(scene.balance, first, days)
        send(scene.settings, scene.balance.topic, power[:-1])
        send(scene.settings, scene.inf36.topic, generated(scene.inf36, first, days, regions=regions)[:-1])
    scene.take(spark)
    return scene


@pytest.fixture(scope="module")
def expected(filled: Scene, spark: SparkSession) -> Bytes:
    """Give the documents of the five days, published once from MySQL."""
    empty(filled.settings)
    run_publish(spark, filled)
    return all_bytes(filled.settings)


@pytest.fixture
def scene(filled: Scene, expected: Bytes) -> Scene:  # noqa: ARG001 - made before it is emptied
    """Give the five days with nothing published of them."""
    empty(filled.settings)
    return filled


def run_publish(
    spark: SparkSession, scene: Scene, source: str = "mysql", **days: list[date]
) -> dict[str, list[date]]:
    """Publish both data sets; give the days that documents were written of."""
    runs = publish(spark, scene.settings, scene.contracts, source=source, **days)  # type: ignore[arg-type]
    return {run.dataset: list(run.days) for run in runs}


def test_mysql_and_the_lake_give_the_same_documents_to_the_byte(
    spark: SparkSession, scene: Scene, expected: Bytes
) -> None:
    days = run_publish(spark, scene, "lake")

    assert days == {"balance": list(DAYS), "consumption_inf36": list(DAYS)}
    curves = SMALL_PROFILES * (1 + 4 * 2)
    assert {name: len(found) for name, found in expected.items()} == {
        "daily_curves": curves, "daily_balance": 5, "features_daily": curves + 5, "kpi_latest": 2,
    }  # fmt: skip
    assert all_bytes(scene.settings) == expected


@pytest.mark.parametrize("dataset", ["balance", "consumption_inf36"])
def test_the_database_aggregates_as_gold_does(spark: SparkSession, scene: Scene, dataset: str) -> None:
    found = {}
    for source in ("mysql", "lake"):
        with open_half_hours(spark, scene.settings, source) as half_hours:  # type: ignore[arg-type]
            frame = pl.from_arrow(half_hours.read(CONTRACTS[dataset], DAYS).toArrow())
        assert isinstance(frame, pl.DataFrame)
        keys = [c for c in ("slot_start_utc", "region_code", "profil") if c in frame.columns]
        found[source] = frame.sort(keys)

    assert found["mysql"].schema == found["lake"].schema
    assert found["mysql"].equals(found["lake"])
    assert found["mysql"].height == (240 if dataset == "balance" else SMALL_PROFILES * (50 + 2 * 190))


@pytest.mark.parametrize("source", ["mysql", "lake"])
def test_publishing_twice_changes_nothing_and_looks_at_no_day(
    spark: SparkSession, scene: Scene, expected: Bytes, source: str
) -> None:
    run_publish(spark, scene, source)

    assert run_publish(spark, scene, source) == {"balance": [], "consumption_inf36": []}
    assert run_publish(spark, scene, source, days=[SPRING, date(2031, 1, 1)]) == {
        "balance": [SPRING], "consumption_inf36": [SPRING],
    }  # fmt: skip
    assert all_bytes(scene.settings) == expected


def test_days_of_46_and_50_slots_have_so_many_places(expected: Bytes) -> None:
    found = {name: {key: bson.decode(raw) for key, raw in raws.items()} for name, raws in expected.items()}

    for day, slots in ((AUTUMN, 50), (SPRING, 46), (date(2026, 3, 30), 48)):
        curve = found["daily_curves"][f"{day}|consumption_inf36|84|RES4"]
        assert len(curve["slots"]) == curve["expected_slots"] == slots
        assert len(found["daily_balance"][str(day)]["curves"]["pertes"]) == slots
        assert len(found["features_daily"][f"{day}|balance"]["load_w"]) == slots
    assert {day: balance["is_complete"] for day, balance in found["daily_balance"].items()} == {
        "2025-10-26": False, "2026-03-27": True, "2026-03-28": True, "2026-03-29": True, "2026-03-30": False,
    }  # fmt: skip


def indexes_of(database: mongo.MongoDatabase, collection: str) -> set[tuple[str, ...]]:
    indexes = database[collection].index_information().values()
    return {tuple(name for name, _ in index["key"]) for index in indexes}


def test_the_dashboards_indexes_are_there(scene: Scene) -> None:
    with mongo.session(scene.settings) as database:
        there = {name: indexes_of(database, name) for name in COLLECTIONS}
    assert there == {
        "daily_curves": {
            ("_id",), ("dataset", "day"), ("dataset", "profile", "day"),
            ("dataset", "region_code", "profile", "day"),
        },
        "daily_balance": {("_id",), ("day",)},
        "features_daily": {("_id",), ("series", "day"), ("dataset", "day")},
        "kpi_latest": {("_id",)},
    }  # fmt: skip


def test_two_publishers_at_once_leave_one_document_per_id(
    spark: SparkSession, scene: Scene, expected: Bytes
) -> None:
    failures: list[BaseException] = []

    def work() -> None:
        try:
            run_publish(spark, scene)
        except BaseException as error:  # a thread's error must fail the test
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert all_bytes(scene.settings) == expected  # documents() sees an id that is there twice


def test_a_publisher_that_was_overtaken_publishes_again(
    spark: SparkSession, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, marks = mongo.advance_mark, []

    def overtaken(
        database: mongo.MongoDatabase, dataset: str, before: mongo.Mark, read: mongo.Document
    ) -> bool:
        marks.append(before.revision)
        if len(marks) == 1:
            assert original(database, dataset, before, read)
        return original(database, dataset, before, read)

    monkeypatch.setattr(mongo, "advance_mark", overtaken)
    publish(spark, scene.settings, [scene.balance], source="mysql", days=[SPRING])

    assert marks == [0, 1]


def test_a_mark_of_another_database_is_not_believed(spark: SparkSession, scene: Scene) -> None:
    run_publish(spark, scene)
    with mongo.session(scene.settings) as database:
        database["publish_marks"].update_many({}, {"$set": {"read.mysql.balance.run_id": "another"}})

    assert run_publish(spark, scene)["balance"] == list(DAYS)


def test_a_document_that_nobody_would_write_is_stale_and_only_that_is_deleted(
    spark: SparkSession, scene: Scene
) -> None:
    (run,) = publish(spark, scene.settings, [scene.inf36], source="mysql", days=[SPRING])
    published = set(all_bytes(scene.settings)["daily_curves"])
    with mongo.session(scene.settings) as database:
        for day in (SPRING, DAYS[1]):
            document = {
                "_id": f"{day}|consumption_inf36|84|RES9",
                "day": str(day),
                "dataset": "consumption_inf36",
            }
            database["daily_curves"].insert_one(document)
            database["daily_curves"].insert_one(document | {"_id": f"{day}|other", "dataset": "other"})

    deleted = delete_stale(scene.settings, scene.inf36, run, days=[SPRING])

    assert deleted == 1
    assert len(published) == 2 * SMALL_PROFILES
    left = set(all_bytes(scene.settings)["daily_curves"]) - published
    assert left == {f"{DAYS[1]}|consumption_inf36|84|RES9", f"{DAYS[1]}|other", f"{SPRING}|other"}


def test_a_data_set_of_another_table_has_no_documents_and_is_no_error(
    spark: SparkSession, scene: Scene
) -> None:
    assert (
        publish(spark, scene.settings, [replace(scene.balance, name="tempo", table="tempo")], source="mysql")
        == []
    )


def test_a_late_record_changes_the_documents_of_its_day_only(
    stack: Settings, spark: SparkSession, tmp_path: Path
) -> None:
    scene = a_scene(stack, "late", tmp_path)
    energy = generated(scene.inf36, date(2026, 1, 5), 4, regions=["84"])
    power = generated(scene.balance, date(2026, 1, 5), 4)
    send(scene.settings, scene.balance.topic, power)
    send(scene.settings, scene.inf36.topic, energy)
    drain(spark, scene.settings, *scene.contracts)
    run_publish(spark, scene)
    before = all_bytes(scene.settings)
    late = energy.filter(
        pl.col("value").str.contains('"horodate":"2026-01-05T12:00:00', literal=True)
        & pl.col("value").str.contains('"RES4"', literal=True)
        & pl.col("value").str.contains("P0: Total", literal=True)
    )
    assert late.height == 1
    value = json.dumps(json.loads(late["value"][0]) | {"total_energie_soutiree_wh": 9_000_000_000})
    send(scene.settings, scene.inf36.topic, late.with_columns(value=pl.lit(value)))
    drain(spark, scene.settings, *scene.contracts)

    days = run_publish(spark, scene)

    after = all_bytes(scene.settings)
    changed = {
        (collection, key) for collection in after for key in after[collection]
        if after[collection][key] != before[collection].get(key)
    }  # fmt: skip
    series = "2026-01-05|consumption_inf36|84|RES4"
    assert days == {"balance": [], "consumption_inf36": [date(2026, 1, 5), date(2026, 1, 6)]}  # its UTC day's
    assert changed == {("daily_curves", series), ("features_daily", series)}
    assert documents(scene.settings, "daily_curves")[series]["peak_wh"] == 9_000_000_000


def test_a_server_that_is_down_is_said_at_once_and_the_next_run_catches_up(
    spark: SparkSession, stack: Settings, scene: Scene, expected: Bytes
) -> None:
    pid = status(stack).services["mongo"].pid
    assert pid
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: status(stack).services["mongo"].state == "stopped")
    try:
        started = time.monotonic()
        with pytest.raises(MongoDownError, match=r"MongoDB does not answer at 127\.0\.0\.1:\d+") as error:
            run_publish(spark, scene)
        assert time.monotonic() - started < 15
        with run_job(scene.settings) as job:
            output = job.communicate(timeout=600)[0].decode()
    finally:
        up(stack)

    assert (error.value.exit_code, job.returncode) == (30, 30)
    assert [line for line in output.splitlines() if line.startswith("Error: ")] == [
        line for line in output.splitlines() if "MongoDB does not answer" in line
    ]
    assert run_publish(spark, scene) == {"balance": list(DAYS), "consumption_inf36": list(DAYS)}
    assert all_bytes(scene.settings) == expected


def test_a_job_killed_in_the_middle_has_remembered_nothing_and_the_next_run_gives_the_same(
    spark: SparkSession, scene: Scene, expected: Bytes
) -> None:
    with run_job(scene.settings) as job:
        wait_until(lambda: job.poll() is not None or documents(scene.settings, "daily_curves"))
        os.killpg(job.pid, signal.SIGKILL)
    half = all_bytes(scene.settings)
    with mongo.session(scene.settings) as database:
        mark = mongo.read_mark(database, "consumption_inf36")

    days = run_publish(spark, scene)["consumption_inf36"]

    assert mark.revision == 0
    assert half["daily_curves"]
    assert half != expected
    assert days == list(DAYS)
    assert all_bytes(scene.settings) == expected


def run_job(settings: Settings) -> subprocess.Popen[bytes]:
    """Start the job as the command line does."""
    datasets = ["--dataset", "balance", "--dataset", "consumption_inf36"]
    return subprocess.Popen(
        submit_command(settings, "jobs/batch/publish_aggregates.py", datasets),
        env=submit_environment() | SHORT_LIVED | environment_of(settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


@pytest.fixture
def lake_only(stack: Settings, tmp_path: Path) -> Iterator[Settings]:
    """Give settings whose lake and documents are the test's own, with the stack's document store."""
    settings = load_settings(home=tmp_path, lake={"root": tmp_path / "lake"})
    yield settings.model_copy(
        update={"mongo": stack.mongo.model_copy(update={"database": "courant_real_years"})}
    )


@pytest.mark.skipif(not REAL.exists(), reason=f"the real files are not beside the project: {REAL}")
def test_the_three_real_years_give_1010_days_of_balance_and_the_last_is_incomplete(
    spark: SparkSession, lake_only: Settings
) -> None:
    contract, offset = CONTRACTS["balance"], 0
    for file in sorted(REAL.glob("bilan_electrique_*_halfhourly.csv")):
        values = values_of(read_published(file, contract).collect(), contract)
        offset = add_to_bronze(lake_only.lake.root, contract, values, first_offset=offset)
    build_silver(spark, lake_only, contract)
    build_gold(spark, lake_only, [contract])

    publish(spark, lake_only, [contract], source="lake")

    days = documents(lake_only, "daily_balance")
    assert len(days) == 1_010
    assert {day: found["expected_slots"] for day, found in days.items() if found["expected_slots"] != 48} == {
        "2021-03-28": 46, "2021-10-31": 50, "2022-03-27": 46, "2022-10-30": 50, "2023-03-26": 46, "2023-10-29": 50,
    }  # fmt: skip
    last = days[max(days)]
    assert (last["slot_count"], last["expected_slots"], last["is_complete"]) == (2, 48, False)
