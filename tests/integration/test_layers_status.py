"""How the layers stand: rows, newest slot and lag of each, with servers that answer and with servers that do not."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from io import StringIO
from pathlib import Path

import pytest
from ingesting import CONTRACTS, drain, own_sinks, own_topic, produce, send
from lakes import add_to_bronze
from publishing import generated
from pyspark.sql import SparkSession
from rich.console import Console

from courant.batch.gold import build_gold
from courant.batch.publish import publish
from courant.batch.silver import build_silver
from courant.layers.status import LAYERS, LayerStatus, read_layers, to_document
from courant.layers_page import print_layers
from courant.settings import Settings, load_settings
from courant.stores.runs import RunRecord, record_run

BALANCE, INF36 = CONTRACTS["balance"], CONTRACTS["consumption_inf36"]
LAST_SLOT = datetime(2026, 1, 6, 22, 45, tzinfo=UTC)
LAST_HALF_HOUR = datetime(2026, 1, 6, 22, 30, tzinfo=UTC)
NOON = datetime(2026, 1, 20, 12, tzinfo=UTC)


def shown(layers: list[LayerStatus]) -> str:
    text = StringIO()
    print_layers(layers, Console(file=text, width=200))
    return text.getvalue()


def figures(layers: list[LayerStatus]) -> dict[str, tuple[int | None, datetime | None, int | None]]:
    return {one.layer: (one.rows, one.last_slot, one.lag) for one in layers}


def test_each_layer_tells_its_rows_its_newest_slot_and_its_lag(
    spark: SparkSession, stack: Settings, tmp_path: Path
) -> None:
    settings = own_sinks(stack, "layers", tmp_path)
    contract = own_topic(BALANCE, settings, "layers.balance")
    send(settings, contract.topic, generated(BALANCE, date(2026, 1, 5), 2))  # 2 days of 96 quarters
    produce(settings, contract.topic, [b"no json"])
    drain(spark, settings, contract)

    assert figures(read_layers(settings, [contract])) == {
        "kafka": (193, None, None),
        "mysql": (192, LAST_SLOT, 0),
        "bronze": (193, None, 0),
        "silver": (None, None, 193),
        "rejects": (None, None, 193),
        "gold": (None, None, None),
        "mongo": (None, None, None),
    }

    build_silver(spark, settings, contract)
    build_gold(spark, settings, [contract])
    publish(spark, settings, [contract], source="lake")
    produce(settings, contract.topic, [b"later"])

    layers = read_layers(settings, [contract])
    assert figures(layers) == {
        "kafka": (194, None, None),
        "mysql": (192, LAST_SLOT, 1),
        "bronze": (193, None, 1),
        "silver": (192, LAST_SLOT, 0),
        "rejects": (1, None, 0),
        "gold": (96, LAST_HALF_HOUR, 0),
        "mongo": (2, LAST_HALF_HOUR, 0),
    }
    assert {one.layer for one in layers if one.last_run} == {"mysql", "bronze"}  # no job left a record
    assert [one.problem for one in layers] == [""] * 7


def test_the_last_runs_and_the_last_proof_stand_beside_their_layers(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path)
    runs = [("build_silver", 0), ("build_gold", 20), ("reconcile_layers", 1)]
    for job, code in runs:
        record_run(settings.lake.root, RunRecord(job, "balance", NOON, 3.0, code))

    layers = {one.layer: one for one in read_layers(settings, [BALANCE])}

    assert [(layers[name].last_run, layers[name].last_run_ok) for name in ("silver", "rejects", "gold")] == [
        (NOON, True),
        (NOON, True),
        (NOON, False),
    ]
    assert layers["mongo"].last_run is None
    assert {(one.last_reconcile, one.reconcile_ok) for one in layers.values()} == {(NOON, False)}
    page = shown([*layers.values()])
    assert "2026-01-20 12:00 failed" in page
    assert "2026-01-20 12:00 differs" in page


@pytest.mark.parametrize("is_known", [True, False])
def test_servers_that_are_down_are_named_and_the_lake_is_shown(tmp_path: Path, *, is_known: bool) -> None:
    nowhere = {
        "kafka": {"bootstrap_servers": "127.0.0.1:1"},
        "mysql": {"port": 1},
        "mongo": {"uri": "mongodb://127.0.0.1:1", "timeout_s": 1},
    }
    settings = load_settings(home=tmp_path, **(nowhere if is_known else {}))
    add_to_bronze(settings.lake.root, BALANCE, [b"a", b"b"])

    layers = read_layers(settings, [BALANCE, INF36])

    assert [one.layer for one in layers] == [*LAYERS, *LAYERS]
    assert [one.dataset for one in layers] == ["balance"] * 7 + ["consumption_inf36"] * 7
    problems = {one.layer: one.problem for one in layers if one.problem}
    assert set(problems) == {"kafka", "mysql", "mongo"}
    assert all("\n" not in problem for problem in problems.values())
    assert figures(layers[:7])["bronze"] == (2, None, None)
    page = shown(layers)
    assert page.count("not reached") == 6
    for server in ("kafka: No Kafka broker", "mysql: ", "mongo: "):
        assert page.count(f"\n{server}") == 1, page  # once, not for each data set
    assert json.loads(json.dumps(to_document(layers)))["balance"]["bronze"]["rows"] == 2


def test_a_data_set_of_another_table_has_neither_gold_nor_documents(tmp_path: Path) -> None:
    other = replace(BALANCE, name="weather", table="weather")

    layers = read_layers(load_settings(home=tmp_path), [other])

    assert [one.layer for one in layers if not one.problem] == ["bronze", "silver", "rejects"]
    assert "not made yet" in shown(layers)
