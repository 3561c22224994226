"""A short seeded round of twelve faults of the matrix; `make test-faults` plays all of them, and longer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fault_cells import CELLS, Cell
from fault_scene import play, settle, staged, stream
from fault_verdict import Difference, judge
from ingesting import a_stack_of_its_own, ask
from pymongo import MongoClient
from pyspark.sql import SparkSession

from courant.settings import Settings

RECORDS, SEED = 5_000, 8
CHOSEN = [cell for cell in CELLS if cell.in_suite]


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Give a stack whose servers the faults may strike."""
    with a_stack_of_its_own(tmp_path_factory.mktemp("matrix")) as stack:
        yield stack


@pytest.mark.parametrize("cell", CHOSEN, ids=[cell.name for cell in CHOSEN])
def test_nothing_is_missing_doubled_or_stale(
    own_stack: Settings, spark: SparkSession, tmp_path: Path, cell: Cell
) -> None:
    ended = play(
        spark, own_stack, tmp_path, cell.strike, may_end_with=cell.may_end_with,
        name=f"matrix_{cell.name}", seed=SEED, records=RECORDS,
    )  # fmt: skip

    assert ended.struck
    assert ended.verdict.ok, ended.verdict


def test_what_is_wrong_in_a_store_is_seen(own_stack: Settings, spark: SparkSession, tmp_path: Path) -> None:
    with staged(spark, own_stack, tmp_path, name="matrix_wrong", seed=SEED, records=1_000) as scene:
        stream(scene, lambda _: None)
        settle(scene)
    assert judge(spark, scene.settings, scene.contract, scene.drawing.drawn).ok
    database = scene.settings.mysql.database
    ask(own_stack, f"DELETE FROM `{database}`.consumption ORDER BY source_offset LIMIT 2", account="root")
    ask(own_stack, f"UPDATE `{database}`.consumption SET nb_points_soutirage = 0 LIMIT 1", account="root")
    ask(own_stack, f"DELETE FROM `{database}`.reject LIMIT 1", account="root")
    with MongoClient(scene.settings.mongo.uri) as client:
        curves = client[scene.settings.mongo.database]["daily_curves"]
        curves.delete_one({})
        curves.insert_one(curves.find_one({}, {"_id": False}))

    found = judge(spark, scene.settings, scene.contract, scene.drawing.drawn)

    assert not found.ok
    assert not found.reconciled
    assert found.stores["mysql"] == Difference(missing=2, stale=1)
    assert found.stores["rejects"] == Difference(missing=1)
    assert found.stores["rejects_in_lake"] == Difference(doubled=1)  # that MySQL has not
    assert found.stores["mongo"] == Difference(missing=1, doubled=1)
    assert not any(found.stores[name] for name in ("topic", "bronze", "silver"))
