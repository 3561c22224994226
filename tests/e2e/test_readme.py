"""What the README shows works as it stands there."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

from ingesting import ROOT, ask, drain, own_sinks, own_topic, produce
from pyspark.sql import SparkSession

from courant.batch.silver import build_silver
from courant.domain.contract import load_contracts
from courant.reconcile import reconcile
from courant.settings import Settings


def test_the_readmes_own_data_set_streams_into_mysql_bronze_and_silver(
    stack: Settings, spark: SparkSession, tmp_path: Path
) -> None:
    text = re.search(r"```yaml\n(apiVersion.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    assert text
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "river.odcs.yaml").write_text(text[1], encoding="utf-8")
    settings = own_sinks(stack, "river", tmp_path)
    contract = own_topic(load_contracts(tmp_path / "contracts")["river"], settings, "tests.river")
    records = [
        b'{"at": "2026-05-01T10:00:00Z", "station": "Aval", "level_cm": 120}',
        b'{"at": "2026-05-01T11:00:00+02:00", "station": "Aval", "level_cm": 9000}',  # a flood: warned, kept
        b'{"at": "2026-05-01T10:30:00Z", "station": "Aval", "level_cm": 1}',  # off the hour
    ]
    produce(settings, contract.topic, records)
    drain(spark, settings, contract)
    build_silver(spark, settings, contract)

    rows = ask(settings, "SELECT slot_start_utc, station, level_cm FROM v_river ORDER BY 1")
    assert rows == [(datetime(2026, 5, 1, 9), "Aval", 9000), (datetime(2026, 5, 1, 10), "Aval", 120)]  # noqa: DTZ001 - MySQL gives UTC
    assert ask(settings, "SELECT rules FROM reject") == [("off_step:at",)]
    assert ask(settings, "SELECT warnings FROM ingest_batch") == [('{"level_is_plausible": 1}',)]
    found = reconcile(spark, settings, contract)
    assert (found.produced, found.accepted, found.rejected, found.ok) == (3, 2, 1, True)
    assert [(layer.layer, layer.rows) for layer in found.layers] == [("silver", 2)]
