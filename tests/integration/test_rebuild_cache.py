"""Gold and documents made anew are what they were, and what nothing stands behind is gone."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from ingesting import CONTRACTS, drain, forget_lake, own_sinks, own_topic, send
from lakes import table
from publishing import all_bytes, generated
from pyspark.sql import SparkSession

from courant.batch.gold import build_gold
from courant.batch.publish import publish
from courant.batch.rebuild import rebuild
from courant.batch.rebuild_parts import Days
from courant.batch.silver import build_silver
from courant.domain.contract import Contract
from courant.settings import Settings
from courant.stores import mongo

FIRST, SECOND = date(2026, 3, 28), date(2026, 3, 29)
STRAY = {"_id": "2020-01-01|balance", "day": "2020-01-01", "dataset": "balance"}


@dataclass(frozen=True)
class Scene:
    """Two days of the balance in every layer."""

    settings: Settings
    contract: Contract
    documents: dict[str, dict[str, bytes]]

    def gold(self) -> dict[str, list[Any]]:
        folders = sorted((self.settings.lake.root / "gold").iterdir())
        return {folder.name: sorted(table(str(folder)).to_pylist(), key=str) for folder in folders}


@pytest.fixture(scope="module")
def scene(stack: Settings, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    settings = own_sinks(stack, "rebuild_cache", tmp_path_factory.mktemp("rebuild_cache"))
    contract = own_topic(CONTRACTS["balance"], settings, "tests.rebuild_cache", partitions=1)
    send(settings, contract.topic, generated(contract, FIRST, 2))
    drain(spark, settings, contract)
    build_silver(spark, settings, contract)
    build_gold(spark, settings, [contract])
    publish(spark, settings, [contract], source="mysql")
    return Scene(settings, contract, all_bytes(settings))


def test_gold_is_restored_whole_and_by_days(scene: Scene, spark: SparkSession) -> None:
    expected = scene.gold()
    shutil.rmtree(scene.settings.lake.root / "gold" / "balance_days")
    forget_lake(spark)

    whole = rebuild(spark, scene.settings, [scene.contract], layer="gold")["balance"]
    assert (whole["days"], whole["is_full"]) == (["2026-03-28", "2026-03-29"], True)
    assert scene.gold() == expected

    some = rebuild(spark, scene.settings, [scene.contract], layer="gold", days=Days(SECOND, SECOND))[
        "balance"
    ]
    assert (some["days"], some["is_full"]) == (["2026-03-29"], False)
    assert scene.gold() == expected


def test_documents_are_restored_and_stale_ones_deleted(scene: Scene, spark: SparkSession) -> None:
    with mongo.session(scene.settings) as database:
        database["daily_balance"].insert_one(dict(STRAY))
        database["daily_balance"].update_many({"day": "2026-03-28"}, {"$set": {"peak_w": -1}})

    some = rebuild(spark, scene.settings, [scene.contract], layer="mongo", days=Days(FIRST, FIRST))["balance"]
    assert (some["days"], some["deleted"]) == (["2026-03-28"], 0)
    assert all_bytes(scene.settings)["daily_balance"].keys() - scene.documents["daily_balance"].keys() == {
        STRAY["_id"]
    }

    whole = rebuild(spark, scene.settings, [scene.contract], layer="mongo")["balance"]
    assert whole["deleted"] == 1
    assert all_bytes(scene.settings) == scene.documents
