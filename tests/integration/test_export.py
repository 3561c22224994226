"""Silver as plain Parquet: the same rows, in order, for readers that know nothing of Spark and Delta."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ingesting import CONTRACTS, ROOT, SHORT_LIVED
from lakes import add_to_bronze, table, values_of
from pyspark.sql import SparkSession

from courant.batch import export as exporting
from courant.batch.silver import build_silver
from courant.domain.contract import Contract
from courant.domain.enedis import generate_days
from courant.settings import Settings, load_settings
from courant.stores import delta
from courant.transforms.silver import SOURCE_COLUMNS

INF36 = CONTRACTS["consumption_inf36"]
COURANT = str(Path(sys.executable).with_name("courant"))
EVE = date(2025, 12, 31)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, spark: SparkSession) -> Settings:
    """Give a lake with the last day of a year and the first of the next."""
    home = tmp_path_factory.mktemp("export")
    made = load_settings(home=home, lake={"root": home / "lake"})
    add(spark, made, INF36, EVE, 2)
    return made


def add(spark: SparkSession, settings: Settings, contract: Contract, first_day: date, days: int) -> None:
    rows = pl.concat(list(generate_days(contract.name, start=first_day, days=days, seed=7, regions=["84"])))
    bronze = delta.bronze_path(settings.lake.root, contract.name)
    first_offset = delta.count_rows(bronze) if Path(bronze).exists() else 0
    add_to_bronze(settings.lake.root, contract, values_of(rows, contract), first_offset=first_offset)
    build_silver(spark, settings, contract)


def command(settings: Settings, *words: str) -> tuple[list[str], dict[str, str]]:
    return [COURANT, *words], os.environ | SHORT_LIVED | {
        "COURANT_HOME": str(settings.home), "COURANT_LAKE_ROOT": str(settings.lake.root)
    }  # fmt: skip


def export(settings: Settings, out: Path, *, dataset: str = INF36.name) -> subprocess.CompletedProcess[str]:
    words, environment = command(settings, "export", "--dataset", dataset, "--out", str(out))
    return subprocess.run(words, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)


def files(out: Path) -> list[Path]:
    return sorted((out / INF36.name).rglob("*.parquet"))


def rows(out: Path) -> pl.DataFrame:
    return pl.concat([pl.read_parquet(file, hive_partitioning=False) for file in files(out)])


def silver(settings: Settings) -> pl.DataFrame:
    frame = pl.from_arrow(table(delta.silver_path(settings.lake.root, INF36.name)))
    assert isinstance(frame, pl.DataFrame)
    return frame.drop(*SOURCE_COLUMNS)


def test_the_export_is_silver_by_year_sorted_and_compressed(settings: Settings, tmp_path: Path) -> None:
    done = export(settings, tmp_path)

    assert done.returncode == 0, done.stderr
    assert [file.parent.name for file in files(tmp_path)] == ["year=2025", "year=2026"]
    exported, expected = rows(tmp_path), silver(settings)
    assert exported.columns == expected.columns
    assert exported.height == expected.height > 1000
    assert exported.sort(pl.all()).equals(expected.sort(pl.all()))
    keys = ["slot_start_utc", "region_code", "profil", "plage_de_puissance_souscrite"]
    for file in files(tmp_path):
        one = pl.read_parquet(file, hive_partitioning=False)
        assert one.equals(one.sort(keys))
    found = pq.ParquetFile(files(tmp_path)[0])
    assert found.schema_arrow.field("slot_start_utc").type == pa.timestamp("us", tz="UTC")
    assert {found.metadata.row_group(0).column(k).compression for k in range(3)} == {"ZSTD"}


def test_a_second_export_replaces_the_first_whole(
    settings: Settings, spark: SparkSession, tmp_path: Path
) -> None:
    assert export(settings, tmp_path).returncode == 0
    before = rows(tmp_path).height
    add(spark, settings, INF36, date(2027, 1, 1), 1)

    done = export(settings, tmp_path)

    assert done.returncode == 0, done.stderr
    assert rows(tmp_path).height == silver(settings).height > before
    assert [path.name for path in tmp_path.iterdir()] == [INF36.name]  # nothing is left beside it


def test_an_export_that_is_killed_leaves_the_earlier_one_and_the_next_one_heals(
    settings: Settings, tmp_path: Path
) -> None:
    assert export(settings, tmp_path).returncode == 0
    before = {file: file.read_bytes() for file in files(tmp_path)}
    words, environment = command(settings, "export", "--dataset", INF36.name, "--out", str(tmp_path))
    with subprocess.Popen(words, env=environment, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        scratch = tmp_path / f".{INF36.name}.new"
        while not scratch.exists():
            assert process.poll() is None
            time.sleep(0.01)
        [job] = [int(pid) for pid in _children(process.pid)]
        os.killpg(job, signal.SIGKILL)
        assert process.wait() != 0

    assert {file: file.read_bytes() for file in files(tmp_path)} == before
    assert export(settings, tmp_path).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == [INF36.name]


def test_an_export_killed_between_its_two_renames_is_put_back(
    settings: Settings, tmp_path: Path, spark: SparkSession
) -> None:
    """The earlier export stays readable for whoever comes before the next one has ended."""
    assert export(settings, tmp_path).returncode == 0
    (tmp_path / INF36.name).rename(tmp_path / f".{INF36.name}.old")

    with pytest.raises(RuntimeError, match="cut off"), pytest.MonkeyPatch.context() as patch:
        patch.setattr(exporting, "_write", cut_off)
        exporting.export_silver(spark, settings, INF36, tmp_path)

    assert rows(tmp_path).height > 0
    assert [path.name for path in tmp_path.iterdir()] == [INF36.name]


def cut_off(*_arguments: object) -> None:
    raise RuntimeError("cut off")


def test_a_data_set_without_silver_is_one_error_that_says_what_to_do(
    settings: Settings, tmp_path: Path
) -> None:
    done = export(settings, tmp_path, dataset="balance")

    assert done.returncode == 32
    assert "balance has no silver" in done.stderr and "courant silver --dataset balance" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_run_is_recorded_with_what_was_written(settings: Settings, tmp_path: Path) -> None:
    assert export(settings, tmp_path).returncode == 0

    [record] = settings.lake.root.glob("_runs/export_silver.consumption_inf36.json")
    document = json.loads(record.read_text())["document"]
    assert document["rows"] == rows(tmp_path).height
    assert document["bytes"] == sum(file.stat().st_size for file in files(tmp_path))


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
