"""Reconcile finds what was changed in silver, gold or MongoDB behind the jobs' backs; what is due is lag."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from deltalake import DeltaTable, write_deltalake
from ingesting import (
    CONTRACTS,
    ask,
    consumption_messages,
    drain,
    forget_lake,
    own_sinks,
    own_topic,
    produce,
    send,
)
from pyspark.sql import SparkSession

from courant.batch.gold import build_gold
from courant.batch.publish import publish
from courant.batch.silver import build_silver
from courant.domain.contract import Contract
from courant.reconcile import reconcile, to_document
from courant.reconcile.found import LayerFound
from courant.settings import Settings
from courant.stores import delta, mongo

DAYS = ("2026-02-02", "2026-02-03")
SLOTS, BAD = 96, 2  # half hours of two winter days in Paris, and records that no rule lets through


@dataclass(frozen=True)
class Scene:
    """All layers of the balance and of one region's consumption, in agreement, with copies to put back."""

    settings: Settings
    balance: Contract
    consumption: Contract
    copy: Path

    def table(self, layer: str, name: str) -> DeltaTable:
        return DeltaTable(str(self.settings.lake.root / layer / name))

    def layers(self, spark: SparkSession, contract: Contract) -> dict[str, LayerFound]:
        forget_lake(spark)
        return {layer.layer: layer for layer in reconcile(spark, self.settings, contract).layers}


def slot_values() -> list[bytes]:
    """Write two Paris days of half hours: day 1 with 1,000 W, day 2 with 3,000 W in each."""
    hours = [(day, hour, minute) for day in (1, 2, 3) for hour in range(24) for minute in (0, 30)]
    inside = [at for at in hours if (1, 23) <= at[:2] < (3, 23)]
    return [
        json.dumps(
            {
                "horodate": f"2026-02-0{day}T{hour:02}:{minute:02}:00Z",
                "consommation_totale": 1000 if (day, hour) < (2, 23) else 3000,
            }
        ).encode()
        for day, hour, minute in inside
    ]


@pytest.fixture(scope="module")
def made(stack: Settings, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    folder = tmp_path_factory.mktemp("layers")
    settings = own_sinks(stack, "reconcile_layers", folder)
    balance = own_topic(CONTRACTS["balance"], settings, "tests.reconcile_layers", partitions=1)
    consumption = own_topic(CONTRACTS["consumption_inf36"], settings, "tests.reconcile_layers.inf36")
    values = slot_values()
    assert len(values) == SLOTS
    produce(settings, balance.topic, [*values, values[3], b"{", None], key=b"balance")
    messages = consumption_messages(first_day=date(2026, 2, 2), days=1, regions=["84"], seed=7)
    send(settings, consumption.topic, messages)
    drain(spark, settings, balance, consumption)
    for contract in (balance, consumption):
        build_silver(spark, settings, contract)
    build_gold(spark, settings, [balance, consumption])
    publish(spark, settings, [balance, consumption], source="mysql")
    shutil.copytree(settings.lake.root, folder / "copy")
    return Scene(settings, balance, consumption, folder / "copy")


@pytest.fixture
def scene(made: Scene, spark: SparkSession) -> Iterator[Scene]:
    with mongo.session(made.settings) as database:
        kept = {name: list(database[name].find()) for name in ("daily_balance", "daily_curves")}
        yield made
        for name, documents in kept.items():
            database[name].delete_many({})
            database[name].insert_many(documents)
    shutil.rmtree(made.settings.lake.root)
    shutil.copytree(made.copy, made.settings.lake.root)
    forget_lake(spark)


def test_layers_that_agree_are_ok_and_tell_what_they_hold(scene: Scene, spark: SparkSession) -> None:
    found = [reconcile(spark, scene.settings, contract) for contract in (scene.balance, scene.consumption)]
    document = to_document(found)

    balance, consumption = (document["datasets"][name] for name in ("balance", "consumption_inf36"))
    assert document["ok"]
    assert {name: (layer["rows"], layer["lag"]) for name, layer in balance["layers"].items()} == {
        "silver": (SLOTS, 0), "gold": (SLOTS, 0), "mongo": (2, 0),
    }  # fmt: skip
    assert balance["layers"]["silver"]["superseded"] == 1
    assert consumption["layers"]["silver"]["rows"] == 82 * 48
    assert consumption["layers"]["mongo"]["rows"] == 13  # a document a profile
    json.dumps(document)


def test_the_lakes_rejects_are_those_of_mysql(scene: Scene) -> None:
    rows = scene.table("rejects", "balance").to_pyarrow_table().to_pylist()
    lake = {(row["topic_id"], row["partition"], row["offset"]): (row["value"], row["rules"]) for row in rows}

    sql = "SELECT topic_id, partition_id, record_offset, raw, rules FROM reject WHERE dataset = 'balance'"
    mysql = {tuple(place): (raw, rules) for *place, raw, rules in ask(scene.settings, sql)}

    assert lake == mysql
    assert sorted(rules for _, rules in lake.values()) == ["json", "tombstone"]


def delete(layer: str, name: str, predicate: str) -> Callable[[Scene], None]:
    return lambda scene: scene.table(layer, name).delete(predicate)


def update(layer: str, name: str, predicate: str, **values: str) -> Callable[[Scene], None]:
    return lambda scene: scene.table(layer, name).update(predicate=predicate, updates=values)


def with_a_silver_row_twice(scene: Scene) -> None:
    path = delta.silver_path(scene.settings.lake.root, "balance")
    rows = scene.table("silver", "balance").to_pyarrow_table(filters=[("slot", "=", 5)])
    write_deltalake(path, rows.slice(0, 1), mode="append")


def in_mongo(change: Callable[[mongo.MongoDatabase], object]) -> Callable[[Scene], None]:
    def damage(scene: Scene) -> None:
        with mongo.session(scene.settings) as database:
            change(database)

    return damage


FIRST_DAY = "paris_day = '2026-02-02'"
ONE_SLOT = "paris_day = '2026-02-02' AND slot = 7"
# what was done | how | the layer that differs, its missing, doubled, stale days, and the days named
DAMAGES = [
    ("a silver row is gone", delete("silver", "balance", ONE_SLOT), ("silver", 1, 0, 0, [DAYS[0]])),
    (
        "a silver row has another value",
        update("silver", "balance", ONE_SLOT, consommation_totale="1001"),
        ("silver", 0, 0, 1, [DAYS[0]]),
    ),
    ("silver has a row twice", with_a_silver_row_twice, ("silver", 0, 1, 0, [DAYS[0]])),
    ("the lake's rejects lack one", delete("rejects", "balance", "rules = 'json'"), ("silver", 1, 0, 0, [])),
    (
        "a half hour of gold is gone",
        delete("gold", "balance_half_hours", ONE_SLOT),
        ("gold", 1, 0, 0, [DAYS[0]]),
    ),
    (
        "a day of gold has another energy",
        update("gold", "balance_days", FIRST_DAY, consommation_totale_wh="1"),
        ("gold", 0, 0, 1, [DAYS[0]]),
    ),
    ("a day of gold is gone", delete("gold", "balance_days", FIRST_DAY), ("gold", 48, 0, 0, [DAYS[0]])),
    (
        "a document is gone",
        in_mongo(lambda database: database["daily_balance"].delete_one({"_id": DAYS[1]})),
        ("mongo", 1, 0, 0, [DAYS[1]]),
    ),
    (
        "a document has another energy",
        in_mongo(
            lambda database: database["daily_balance"].update_one(
                {"_id": DAYS[1]}, {"$set": {"consommation_totale_wh": 0.25}}
            )
        ),
        ("mongo", 0, 0, 1, [DAYS[1]]),
    ),
    (
        "a document of a day that nobody sent",
        in_mongo(
            lambda database: database["daily_balance"].insert_one(
                {
                    "_id": "2026-02-09",
                    "dataset": "balance",
                    "day": "2026-02-09",
                    "consommation_totale_wh": 1.0,
                }
            )
        ),
        ("mongo", 0, 1, 0, ["2026-02-09"]),
    ),
]


@pytest.mark.parametrize(
    ("damage", "expected"), [row[1:] for row in DAMAGES], ids=[row[0] for row in DAMAGES]
)
def test_a_damage_behind_the_sinks_is_found_counted_and_dated(
    scene: Scene,
    spark: SparkSession,
    damage: Callable[[Scene], None],
    expected: tuple[str, int, int, int, list[str]],
) -> None:
    damage(scene)

    layers = scene.layers(spark, scene.balance)

    name, *_ = expected
    found = layers[name]
    days = [day.day for day in found.days]
    assert (name, found.missing, found.doubled, found.stale_days) == expected[:4]
    assert days == expected[4]
    assert not found.ok
    assert all(layer.ok for other, layer in layers.items() if other != name)


def test_a_curve_that_is_gone_is_found(scene: Scene, spark: SparkSession) -> None:
    with mongo.session(scene.settings) as database:
        database["daily_curves"].delete_one({"profile": "PRO5"})

    found = scene.layers(spark, scene.consumption)["mongo"]

    assert (found.missing, [day.day for day in found.days]) == (1, ["2026-02-02"])


def test_what_a_layer_has_not_taken_yet_is_lag(scene: Scene, spark: SparkSession) -> None:
    late = json.dumps({"horodate": "2026-02-03T11:00:00Z", "consommation_totale": 9}).encode()
    produce(scene.settings, scene.balance.topic, [late], key=b"balance")
    drain(spark, scene.settings, scene.balance)

    before = scene.layers(spark, scene.balance)
    build_silver(spark, scene.settings, scene.balance)
    with_silver = scene.layers(spark, scene.balance)
    build_gold(spark, scene.settings, [scene.balance])
    publish(spark, scene.settings, [scene.balance], source="mysql")
    after = scene.layers(spark, scene.balance)

    assert all(layer.ok for step in (before, with_silver, after) for layer in step.values())
    # MySQL notes UTC days, and each lies in two Paris days.
    assert [before[name].lag for name in ("silver", "gold", "mongo")] == [1, 0, 2]
    assert [with_silver[name].lag for name in ("silver", "gold", "mongo")] == [0, 1, 2]
    assert [layer.lag for layer in after.values()] == [0, 0, 0]
