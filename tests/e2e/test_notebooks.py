"""The four notebooks in their own kernel, on a small lake: they run, what they say holds, they leave the lake alone."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import labs
import nbformat
import polars as pl
import pytest
from deltalake import DeltaTable
from ingesting import CONTRACTS, ROOT, SHORT_LIVED
from labs import outputs, printed
from lakes import add_to_bronze, values_of
from papermill.exceptions import PapermillExecutionError
from pyspark.ml import PipelineModel
from pyspark.sql import SparkSession

from courant.domain.enedis import generate_days
from courant.settings import Settings, load_settings

FIRST, DAYS, REGIONS = date(2026, 1, 9), 10, ["11", "53"]
DATASETS = ("balance", "consumption_inf36")
pytestmark = pytest.mark.timeout(
    1_800
)  # a lake and four sessions of Spark, one after another, on a busy machine too
PARAMETERS: dict[str, dict[str, Any]] = {
    "01_explore": {"BINS": 10},
    "02_regression": {
        "TEST_DAYS": 3, "SAMPLE_ROWS": 20_000, "FOLDS": 2, "PARALLELISM": 2,
        "GRIDS": {
            "linear": {"regParam": [0.01, 1_000.0]}, "forest": {"numTrees": [5], "maxDepth": [7]},
            "boosting": {"maxIter": [4], "maxDepth": [4]},
        },
    },
    "03_classification": {"TEST_DAYS": 3, "TEST_REGIONS": ["53"], "TREES": 5, "DEPTH": 4, "ROUNDS": 2},
    "04_segments": {"COMPONENTS": 3, "CHOICES": [2, 3, 4]},
}  # fmt: skip


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Give a home whose lake has silver and gold of ten days, by the jobs that make it for everybody."""
    home = tmp_path_factory.mktemp("notebooks")
    made = load_settings(home=home, spark={"master": "local[2]"})
    for name in DATASETS:
        regions = {} if name == "balance" else {"regions": REGIONS}
        rows = pl.concat(list(generate_days(name, start=FIRST, days=DAYS, seed=7, **regions)))
        add_to_bronze(made.lake.root, CONTRACTS[name], values_of(rows, CONTRACTS[name]))
    for layer in ("silver", "gold"):
        run(home, layer, *(word for name in DATASETS for word in ("--dataset", name)))
    yield made
    shutil.rmtree(home, ignore_errors=True)


def run(home: Path, *arguments: str) -> None:
    command = [str(Path(sys.executable).parent / "courant"), *arguments]
    done = subprocess.run(
        command, env=os.environ | SHORT_LIVED | {"COURANT_HOME": str(home)}, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def execute(settings: Settings, name: str, *, last_cell: str = "") -> nbformat.NotebookNode:
    """Run a notebook as papermill does, in the kernel that `courant lab` offers; give it with its outputs.

    A last cell that is added may fail.
    """
    asked, out = settings.home / f"{name}_asked.ipynb", settings.home / f"{name}.ipynb"
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    notebook.cells += [nbformat.v4.new_code_cell(last_cell)] if last_cell else []
    nbformat.write(notebook, asked)
    try:
        labs.execute(settings, asked, out, PARAMETERS[name])
    except PapermillExecutionError:
        if not last_cell:
            raise
    return nbformat.read(out, as_version=4)


def pictures(notebook: nbformat.NotebookNode) -> int:
    return sum("image/png" in output.get("data", {}) for output in outputs(notebook))


def tables(notebook: nbformat.NotebookNode) -> list[dict[str, dict[str, str]]]:
    """Read the tables that a reader sees, in their order: the cells of each row by column, by the row's first cell."""
    html = "".join(output.get("data", {}).get("text/html", "") for output in outputs(notebook))
    return [
        rows_of(ElementTree.fromstring(found)) for found in re.findall(r"<table.*?</table>", html, re.DOTALL)
    ]


def rows_of(table: ElementTree.Element) -> dict[str, dict[str, str]]:
    names = [cell.text or "" for cell in table.findall("thead/tr[1]/th")]
    lines = [[cell.text or "" for cell in line] for line in table.findall("tbody/tr")]
    return {line[0]: dict(zip(names[1:], line[1:], strict=False)) for line in lines}


def versions(settings: Settings) -> dict[str, int]:
    """Give the version of each table of the lake, and the number of its files."""
    logs = settings.lake.root.rglob("_delta_log")
    return {str(log.parent): DeltaTable(log.parent).version() for log in logs}


def test_exploring_shows_statistics_and_pictures_and_writes_nothing(settings: Settings) -> None:
    before = versions(settings)

    notebook = execute(settings, "01_explore")

    [numbers] = tables(notebook)
    load = {name: float(value) for name, value in numbers["consommation_totale"].items()}
    assert load["count"] == DAYS * 96  # quarter hours
    assert 20e9 < load["lowest"] < load["p05"] < load["median"] < load["p95"] < load["highest"] < 80e9
    assert -20 < float(numbers["temperature_reelle_lissee"]["mean"]) < 20
    assert pictures(notebook) == 7
    assert len(before) >= 14
    assert versions(settings) == before


def test_models_of_a_sites_power_beat_what_is_usual_and_can_be_loaded(settings: Settings) -> None:
    notebook = execute(settings, "02_regression")

    tried, scores = tables(notebook)
    assert len(tried) == 4
    assert float(tried["0"]["RMSE of the folds (W)"]) < float(
        tried["1"]["RMSE of the folds (W)"]
    )  # less regParam
    r2 = {name: float(row["r2"]) for name, row in scores.items()}
    assert set(r2) == {"linear", "forest", "boosting", "usual"}
    assert min(r2.values()) > 0.8
    assert float(scores["linear"]["rmse"]) < float(scores["usual"]["rmse"])
    assert pictures(notebook) == 2

    saved = settings.lab.models
    assert sorted(path.name for path in saved.iterdir()) == [
        "site_power_boosting", "site_power_forest", "site_power_linear",
    ]  # fmt: skip


def test_saved_models_predict_in_another_session(settings: Settings, spark: SparkSession) -> None:
    day = {"paris_day": date(2026, 2, 2), "day_type": "working_day", "half_hour": 24, "day_cos_1": -1.0}
    site = {"habit": "RES3|working_day|24", "region_code": "11", "profil": "RES3"}
    weather = {
        "day_sin_1": 0.0,
        "day_cos_2": 1.0,
        "day_sin_2": 0.0,
        "temperature_c": 0.0,
        "heating_degrees": 15.0,
    }
    frame = spark.createDataFrame([day | site | weather])

    for path in settings.lab.models.glob("site_power_*"):
        [row] = PipelineModel.load(path.as_uri()).transform(frame).collect()
        assert 200 < row["prediction"] < 4_000, path.name


def test_families_are_told_apart_on_days_and_in_a_region_not_seen(settings: Settings) -> None:
    notebook = execute(settings, "03_classification")

    accuracies, _ = tables(notebook)
    found = {name: float(row["accuracy"]) for name, row in accuracies.items()}
    assert set(found) == {"tree", "forest", "boosting", "majority"}
    assert min(found["tree"], found["forest"], found["boosting"]) > found["majority"] + 0.2
    unseen = re.search(r"accuracy (0\.\d+|1\.0+), majority", printed(notebook))
    assert unseen
    assert pictures(notebook) == 3
    assert (settings.lab.models / "profile_family" / "metadata").exists()


def test_segments_are_found_and_described_and_our_errors_come_without_a_trace(settings: Settings) -> None:
    notebook = execute(settings, "04_segments", last_cell='open_gold(spark, settings, "tides")')

    [meaning] = tables(notebook)
    assert 2 <= len(meaning) <= 4
    days = [int(row["days"]) for row in meaning.values()]
    assert days == sorted(days, reverse=True)
    assert sum(days) == int(re.search(r"^([\d,]+) days of", printed(notebook))[1].replace(",", ""))
    assert all(0 < float(row["night_share"]) < 1 for row in meaning.values())
    by_night = [row["profiles"] for row in meaning.values() if float(row["night_share"]) > 0.42]
    assert by_night == [
        "PRO5"
    ]  # street lights: 16 half hours at 1.4 of the mean; homes with night storage have 0.37
    assert pictures(notebook) == 3
    assert (settings.lab.models / "day_segments" / "metadata").exists()

    [error] = [output for output in outputs(notebook) if output.output_type == "error"]
    assert error.ename == "NotEnoughDataError"
    assert error.traceback == [
        f"There is no table in {settings.lake.root}/gold/tides",
        "  What to do: run `courant gold` first",
    ]
