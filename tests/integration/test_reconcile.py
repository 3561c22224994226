"""Reconcile finds what was taken away, added or changed behind the ingest's back; so does the independent check."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest
from deltalake import DeltaTable, write_deltalake
from ingesting import CONTRACTS, ask, drain, forget_lake, independent_findings, own_sinks, own_topic, produce
from pyspark.sql import SparkSession

from courant.domain.contract import Contract
from courant.reconcile import reconcile, to_document
from courant.settings import Settings

TABLES = ("balance", "reject")
GOOD, BAD = 40, 3


@dataclass(frozen=True)
class Scene:
    """Sinks that agree, with a copy of each to put back."""

    settings: Settings
    contract: Contract
    copy: Path

    @property
    def bronze(self) -> str:
        return str(self.settings.lake.root / "bronze" / "balance")

    def change(self, sql: str) -> None:
        ask(self.settings, sql, account="owner")


@pytest.fixture(scope="module")
def drained(stack: Settings, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    folder = tmp_path_factory.mktemp("reconcile")
    settings = own_sinks(stack, "reconcile", folder)
    contract = own_topic(CONTRACTS["balance"], settings, "tests.reconcile", partitions=1)
    slots = [f"2026-02-{1 + n // 20:02}T{n % 20:02}:00:00Z" for n in range(GOOD)]  # 20 on each of two days
    good = [json.dumps({"horodate": slot, "consommation_totale": n}).encode() for n, slot in enumerate(slots)]
    produce(settings, contract.topic, [*good, b"{", None, b""], key=b"balance")
    drain(spark, settings, contract)
    for table in TABLES:
        ask(settings, f"CREATE TABLE kept_{table} AS SELECT * FROM {table}", account="owner")
    shutil.copytree(settings.lake.root, folder / "copy")
    return Scene(settings, contract, folder / "copy")


@pytest.fixture
def scene(drained: Scene, spark: SparkSession) -> Iterator[Scene]:
    yield drained
    for table in TABLES:
        drained.change(f"DELETE FROM {table}")
        drained.change(f"INSERT INTO {table} SELECT * FROM kept_{table}")
    if DeltaTable(drained.bronze).version() != DeltaTable(str(drained.copy / "bronze" / "balance")).version():
        shutil.rmtree(drained.settings.lake.root)
        shutil.copytree(drained.copy, drained.settings.lake.root)
        forget_lake(spark)


def test_sinks_that_agree_are_ok(scene: Scene, spark: SparkSession) -> None:
    found = to_document([reconcile(spark, scene.settings, scene.contract)])["datasets"][scene.contract.name]

    assert {name: found[name] for name in (
        "dataset", "produced", "bronze", "accepted", "rejected", "mysql", "missing", "doubled", "ok",
    )} == {
        "dataset": "balance", "produced": 43, "bronze": 43, "accepted": 40, "rejected": 3, "mysql": 40,
        "missing": 0, "doubled": 0, "ok": True,
    }  # fmt: skip
    json.dumps(found)


def without_bronze_row(scene: Scene) -> None:
    DeltaTable(scene.bronze).delete("offset = 7")


def with_a_bronze_row_twice(scene: Scene) -> None:
    row = DeltaTable(scene.bronze).to_pyarrow_table(filters=[("offset", "=", 7)])
    write_deltalake(scene.bronze, row, mode="append")


def sql(statement: str) -> Callable[[Scene], None]:
    return lambda scene: scene.change(statement)


AT_SEVEN = "WHERE slot_start_utc = '2026-02-01 07:00:00'"
# what was done | how | reconcile's missing, doubled, stale days and differing days | what the second opinion says
DAMAGES = [
    (
        "a fact is gone",
        sql(f"DELETE FROM balance {AT_SEVEN}"),
        (1, 0, 0, ["2026-02-01"]),
        {"facts_missing": 1},
    ),
    (
        "a fact has another value",
        sql(f"UPDATE balance SET consommation_totale = 8 {AT_SEVEN}"),
        (0, 0, 1, ["2026-02-01"]),
        {"facts_stale": 1},
    ),
    (
        "a fact has a value instead of none",
        sql(f"UPDATE balance SET temperature_reelle_lissee = 0 {AT_SEVEN}"),
        (0, 0, 1, ["2026-02-01"]),
        {"facts_stale": 1},
    ),
    (
        "two facts have changed places",
        sql(
            "UPDATE balance SET consommation_totale = 15 - consommation_totale"
            " WHERE slot_start_utc IN ('2026-02-01 07:00:00', '2026-02-01 08:00:00')"
        ),
        (0, 0, 1, ["2026-02-01"]),
        {"facts_stale": 2},
    ),
    (
        "a fact nobody sent",
        sql(
            "INSERT INTO balance (slot_start_utc, consommation_totale, source_epoch, source_partition, source_offset)"
            " VALUES ('2026-02-03 00:00:00', 1, 0, 0, 7)"
        ),
        (0, 1, 0, ["2026-02-03"]),
        {"facts_doubled": 1},
    ),
    (
        "a reject is gone",
        sql("DELETE FROM reject WHERE record_offset = 41"),
        (1, 0, 0, []),
        {"rejects_missing": 1},
    ),
    (
        "a good record is said to be a reject",
        sql("UPDATE reject SET record_offset = 7 WHERE record_offset = 41"),
        (1, 1, 0, ["2026-02-01"]),
        {"rejects_missing": 1, "rejects_doubled": 1},
    ),
    ("bronze lacks a record", without_bronze_row, (1, 1, 0, ["2026-02-01"]), {"bronze_missing": 1}),
    ("bronze has a record twice", with_a_bronze_row_twice, (0, 1, 0, []), {"bronze_doubled": 1}),
]


@pytest.mark.parametrize(
    ("damage", "expected", "second"), [row[1:] for row in DAMAGES], ids=[row[0] for row in DAMAGES]
)
def test_a_damage_is_found_counted_and_dated(
    scene: Scene,
    spark: SparkSession,
    damage: Callable[[Scene], None],
    expected: tuple[int, int, int, list[str]],
    second: dict[str, int],
) -> None:
    damage(scene)
    forget_lake(spark)

    ours = reconcile(spark, scene.settings, scene.contract)
    theirs = asdict(independent_findings(scene.settings, scene.contract))

    assert (ours.missing, ours.doubled, ours.stale_days, [day.day for day in ours.days]) == expected
    assert not ours.ok
    assert {name: count for name, count in theirs.items() if count and name != "produced"} == second


def test_what_is_not_ingested_yet_is_lag_and_no_difference(scene: Scene, spark: SparkSession) -> None:
    late = {"horodate": "2026-02-09T00:00:00Z", "consommation_totale": 1}
    produce(scene.settings, scene.contract.topic, [json.dumps(late).encode()])

    found = reconcile(spark, scene.settings, scene.contract)

    assert found.ok
    assert found.lag == {"MySQL": 1, "bronze": 1}
    assert found.produced == GOOD + BAD
