"""The daily model from documents in MongoDB to a registered champion and the next day's forecast, on real servers."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
import urllib.request
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from feature_documents import days_from, documents_of
from ingesting import SHORT_LIVED, ask, environment_of, own_sinks
from pymongo import MongoClient
from pymongo.database import Database
from pyspark.sql import SparkSession
from waiting import PATIENCE_S

from courant.batch import daily_model
from courant.batch.compare_engines import ComparisonPlan
from courant.batch.daily_model import DailyModel, run_daily_model, to_document
from courant.batch.learning_data import NEEDED_DAYS
from courant.domain.calendar import slots_of_day
from courant.errors import AnotherWriterError, JobError, NotEnoughDataError
from courant.mlflow_ui import comparisons
from courant.model_report import write_report
from courant.registry.tracking import CHALLENGER, CHAMPION, Tracker
from courant.session import submit_command, submit_environment
from courant.settings import Settings
from courant.stores.mysql.alone import alone
from courant.stores.mysql.connection import session
from courant.transforms.day_grid import NORMAL_TEMPERATURE, TEMPERATURE

FIRST, DAYS = date(2026, 1, 15), 90
LAST = FIRST + timedelta(days=DAYS - 1)  # 14 April 2026: the clock was put forward on 29 March
NEXT = LAST + timedelta(days=1)
NOW = datetime(2026, 4, 15, 4, 0, tzinfo=UTC)
SEED = 5
QUICK = ComparisonPlan(engines=("sklearn",), with_segments=False, warm_runs=0)
HOMES = (("on", DAYS), ("late", DAYS - 7), ("over", DAYS - 8))  # and their days
RELOAD = """
import json
import pandas as pd
from courant.registry.tracking import load_registered
from courant.settings import load_settings
from courant.stores.mongo import session
from courant.stores.mongo_features import read_features
settings = load_settings()
with session(settings) as database:
    documents = pd.DataFrame(read_features(database, "balance"))
made = load_registered(settings, "balance").predict(documents)
print(json.dumps([made.day[0], made.power_w.tolist()]))
"""


@pytest.fixture(scope="module")
def settings(stack: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return own_sinks(stack, "model", tmp_path_factory.mktemp("model"))


@pytest.fixture
def fresh(settings: Settings, tmp_path: Path) -> Settings:
    """Give the same servers with no runs, no models and no documents."""
    with database_of(settings) as database:
        for name in database.list_collection_names():
            database[name].delete_many({})
    return settings.model_copy(
        update={"mlflow": settings.mlflow.model_copy(update={"root": tmp_path / "mlruns"})}
    )


class database_of:  # noqa: N801 - used as a function
    """Open the database, and close its client."""

    def __init__(self, settings: Settings) -> None:
        self.client = MongoClient[dict[str, Any]](settings.mongo.uri)
        self.name = settings.mongo.database

    def __enter__(self) -> Database[dict[str, Any]]:
        return self.client[self.name]

    def __exit__(self, *_error: object) -> None:
        self.client.close()


def load_curve(
    series: str, days: int = DAYS, *, dataset: str = "balance", level_w: float = 50e9
) -> list[dict[str, Any]]:
    """Make documents of a load that follows the weekday, the clock and the temperature, and some noise."""
    chosen = days_from(FIRST, days)
    random = np.random.default_rng([SEED, len(series)])
    cold = dict(zip(chosen, random.normal(size=days), strict=True))
    noise = {day: random.normal(size=48) for day in chosen}

    def temperature(day: date, half_hour: int) -> float:
        return float(9 + 3 * cold[day] - 3 * np.cos(2 * np.pi * half_hour / 48))

    def load(day: date, half_hour: int) -> float:
        usual = 1 - 0.1 * (day.weekday() >= 5) - 0.12 * np.cos(2 * np.pi * half_hour / 48)
        warmth = 0.005 * max(15 - temperature(day, half_hour), 0)
        return float(level_w * (usual + warmth + 0.01 * noise[day][half_hour]))

    fields = {"load_w": load, TEMPERATURE: temperature, NORMAL_TEMPERATURE: lambda _day, _half_hour: 9.0}
    if dataset != "balance":
        fields = {"load_w": load}
    own = {"series": series, "dataset": dataset}
    return [one | own | {"_id": f"{one['day']}|{series}"} for one in documents_of(chosen, **fields)]


def publish(settings: Settings, *series: list[dict[str, Any]]) -> None:
    with database_of(settings) as database:
        for documents in series:
            for document in documents:
                database["features_daily"].replace_one({"_id": document["_id"]}, document, upsert=True)


def documents_in(settings: Settings, collection: str) -> list[dict[str, Any]]:
    with database_of(settings) as database:
        return list(database[collection].find().sort("_id", 1))


def no_session() -> SparkSession:
    raise AssertionError("nothing here needs a session of Spark")


def run(
    settings: Settings,
    *datasets: str,
    plan: ComparisonPlan = QUICK,
    now: datetime = NOW,
    until: date | None = None,
) -> DailyModel:
    return run_daily_model(
        settings, datasets or ["balance"],
        plan=plan, contenders="quick", now=now, open_spark=no_session, until=until,
    )  # fmt: skip


def going_on(settings: Settings) -> list[str]:
    """Give the runs that look as if they went on, and the versions that are half registered."""
    tracker = Tracker(settings, "balance")
    runs = tracker._search("attributes.status = 'RUNNING'")
    versions = tracker.client.search_model_versions("name = 'courant-balance'")
    return [run.info.run_name for run in runs] + [
        one.version for one in versions if "finished" not in one.tags
    ]


def test_a_day_is_compared_trained_and_forecast_for_each_data_set_that_has_enough_days(
    fresh: Settings, tmp_path: Path
) -> None:
    homes = [load_curve(f"consumption.{i}", 6, dataset="consumption_inf36", level_w=1e6 * i) for i in (1, 22)]
    publish(fresh, load_curve("balance"), *homes)
    plan = replace(QUICK, engines=("sklearn", "dask", "spark"), with_segments=True, warm_runs=1)

    found = run(fresh, "consumption_inf36", "balance", plan=plan)

    told = to_document(found)
    assert told["datasets"]["consumption_inf36"] == {"skipped": "6 whole days"}
    balance = told["datasets"]["balance"]
    assert (balance["model"], balance["version"], balance["forecast"]) == ("ridge", 1, NEXT.isoformat())
    assert balance["backtest MAPE %"]["ridge"] < balance["backtest MAPE %"]["same_slot_7d_ago"]
    assert balance["weather known"]["ridge"] < balance["backtest MAPE %"]["ridge"]
    assert [(one["work"], one["engine"]) for one in told["engines"]] == [
        (work, engine) for work in ("ridge", "kmeans") for engine in ("sklearn", "dask", "spark")
    ]
    cold = {one["engine"]: one["cold_total_wall_s"] for one in told["engines"] if one["work"] == "ridge"}
    assert found.engine == min(cold, key=lambda engine: cold[engine])
    assert all(one.parity is not None for one in found.comparisons)
    segments = documents_in(fresh, "segments")
    assert sum(one["days"] for one in segments) == DAYS  # the data set with the most curves
    assert {len(one["shape"]) for one in segments} == {48}

    tracker = Tracker(fresh, "balance")
    [day] = tracker.runs("day")
    engines = tracker.runs("engine")
    assert {one.parent for one in engines} == {day.run_id}
    assert len(engines) == 6
    page = comparisons(fresh)["balance"]
    assert page.startswith("/#/compare-runs?runs=")
    ridges = {one.run_id for one in engines if one.tags["work"] == "ridge"}
    assert len(ridges) == 3 and all(run_id in page for run_id in ridges)
    assert page.count("%22") == 2 * 4  # these three, and their experiment
    of_spark = next(one for one in engines if (one.tags["engine"], one.tags["work"]) == ("spark", "ridge"))
    assert {
        "fit_wall_s",
        "fit_cpu_s",
        "peak_pss_mb",
        "rmse",
        "mae",
        "mape",
        "r2",
        "source_lines",
        "cyclomatic",
    } <= set(of_spark.metrics)
    assert of_spark.metrics["mape"] < 5
    plots = {file.path for file in tracker.client.list_artifacts(day.run_id)}
    assert {
        "error_by_hour.svg",
        "error_by_training_date.svg",
        "cost_by_rows_ridge.svg",
        "cost_by_rows_kmeans.svg",
    } <= plots
    assert day.params["fingerprint"] == found.data[1].fingerprint

    path = tmp_path / "docs" / "comparison.md"
    written = write_report(fresh, ["consumption_inf36", "balance"], path, about="Made up.")
    text = path.read_text(encoding="utf-8")
    assert "Made up." in text
    assert text.index("## The rule") < text.index(f"**{found.engine}**: the ridge on the")
    assert len(re.findall(r"^\| [\d,]+ \| 1 \| (sklearn|dask|spark) \|", text, re.MULTILINE)) == 6
    assert "| ridge |" in text.split("## Accuracy")[1]
    linked = re.findall(r"\]\((comparison/\w+\.svg)\)", text)
    assert len(linked) == written == 3
    assert all((tmp_path / "docs" / one).read_text(encoding="utf-8").startswith("<?xml") for one in linked)


def test_the_forecast_is_in_both_databases_and_is_scored_when_the_day_is_over(fresh: Settings) -> None:
    publish(fresh, load_curve("balance"))
    run(fresh)
    run(fresh)  # once more in the same night

    columns = "paris_day, slot, slot_start_utc, power_w, low_w, high_w, model, model_version"
    rows = ask(fresh, f"SELECT {columns} FROM forecast ORDER BY slot")
    [document] = documents_in(fresh, "forecasts")
    assert [row[:2] for row in rows] == [(NEXT, slot) for slot in range(1, 49)]
    assert [row[2].replace(tzinfo=UTC) for row in rows] == slots_of_day(NEXT)
    assert [row[3] for row in rows] == pytest.approx(document["power_w"])
    assert all(low < power < high for _, _, _, power, low, high, *_ in rows)
    assert {row[6:] for row in rows} == {("ridge", 3)}
    assert (document["_id"], document["day"], document["model_version"]) == (
        f"{NEXT}|balance",
        NEXT.isoformat(),
        3,
    )

    publish(fresh, load_curve("balance", DAYS + 1))
    found = run(fresh, now=NOW + timedelta(days=1))

    [(day, mape, inside, model, version)] = ask(
        fresh, "SELECT paris_day, mape_percent, inside_interval, model, model_version FROM forecast_score"
    )
    assert (day, model, version) == (NEXT, "ridge", 3)
    assert 0 < mape < 5
    assert 0 <= inside <= 1
    assert found.forecasts["balance"].day == NEXT + timedelta(days=1)
    errors = Tracker(fresh, "balance").runs("day")[0].metrics
    assert errors["last_forecasts_mape"] == pytest.approx(mape)


def test_a_registered_model_gives_the_same_forecast_in_a_fresh_process(fresh: Settings) -> None:
    publish(fresh, load_curve("balance"))
    run(fresh)

    again = subprocess.run(
        [sys.executable, "-c", RELOAD],
        env=submit_environment() | environment_of(fresh) | SHORT_LIVED,
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip

    assert again.returncode == 0, again.stderr[-2000:]
    [document] = documents_in(fresh, "forecasts")
    day, power_w = json.loads(again.stdout)
    assert day == document["day"]
    assert power_w == pytest.approx(document["power_w"], rel=1e-12)


@pytest.mark.parametrize("place", ["while_training", "half_registered", "before_the_forecast"])
def test_a_daily_model_that_was_killed_leaves_nothing_that_counts_and_the_next_run_is_whole(
    fresh: Settings, place: str
) -> None:
    publish(fresh, load_curve("balance"))
    options = ["--dataset", "balance", "--engines", "sklearn", "--no-segments", "--warm-runs", "0"]
    dead = subprocess.run(
        submit_command(fresh, "tests/faults/dying_model.py", [place, *options, "--contenders", "quick"]),
        env=submit_environment() | environment_of(fresh) | SHORT_LIVED,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True,  # the whole process group is killed
        timeout=600, check=False,
    )  # fmt: skip
    assert dead.returncode == -signal.SIGKILL, dead.stdout[-2000:]
    assert going_on(fresh)
    assert documents_in(fresh, "forecasts") == []

    run(fresh)

    assert going_on(fresh) == []
    tracker = Tracker(fresh, "balance")
    champion, challenger = tracker.version(CHAMPION), tracker.version(CHALLENGER)
    assert champion is not None
    assert challenger is not None
    assert (champion.recipe, challenger.recipe[:9]) == ("ridge", "same_slot")
    [document] = documents_in(fresh, "forecasts")
    assert document["model_version"] == champion.number
    made = ask(fresh, f"SELECT DISTINCT model_version FROM forecast WHERE paris_day = '{NEXT}'")
    assert made == [(champion.number,)]


@pytest.mark.parametrize(
    ("days", "said"),
    [(0, "has no day"), (2, "has 2 whole"), (NEEDED_DAYS - 1, f"has {NEEDED_DAYS - 1} whole")],
)
def test_too_few_days_are_one_error_that_says_how_many_are_needed(
    fresh: Settings, days: int, said: str
) -> None:
    publish(fresh, load_curve("balance", days))

    with pytest.raises(NotEnoughDataError, match=f"needs {NEEDED_DAYS} whole days.*{said}"):
        run(fresh)

    assert not Tracker(fresh, "balance").runs("day")
    assert documents_in(fresh, "forecasts") == []


def test_just_enough_days_are_enough_and_a_day_that_is_not_over_does_not_count(fresh: Settings) -> None:
    documents = load_curve("balance", NEEDED_DAYS + 1)
    documents[-1]["load_w"][20:] = [None] * (len(documents[-1]["load_w"]) - 20)
    publish(fresh, documents)

    found = run(fresh)

    assert found.forecasts["balance"].day == date.fromisoformat(documents[-1]["day"])


def test_a_gap_before_the_day_to_forecast_is_said(fresh: Settings) -> None:
    documents = load_curve("balance", DAYS + 40)
    publish(fresh, documents[:DAYS], documents[-5:])

    with pytest.raises(
        NotEnoughDataError, match=r"balance has 95 whole days up to 2026-05-24, and a gap in what"
    ):
        run(fresh)


def test_a_hole_within_the_weeks_that_are_judged_is_left_out(fresh: Settings) -> None:
    documents = load_curve("balance", DAYS + 40)
    publish(
        fresh, documents[:92], documents[102:]
    )  # of the first fortnight that is judged, four days are known

    found = run(fresh)

    judged = found.contests["balance"].champion.whole
    assert found.contests["balance"].champion.recipe.name == "ridge"
    assert 13 * 48 < len(judged.actual_w) < 28 * 48
    assert found.forecasts["balance"].day == FIRST + timedelta(days=DAYS + 40)


def test_a_series_that_is_over_is_not_forecast(fresh: Settings) -> None:
    homes = [load_curve(f"consumption.{name}", days, dataset="consumption_inf36") for name, days in HOMES]
    publish(fresh, *homes)

    found = run(fresh, "consumption_inf36")

    assert [one.series for one in found.forecasts["consumption_inf36"].made] == [
        "consumption.late",
        "consumption.on",
    ]
    [over] = found.data
    assert over.not_ready == {"consumption.over": f"no day after {FIRST + timedelta(days=DAYS - 9)}"}
    of_dataset = "SELECT DISTINCT series FROM forecast WHERE dataset = 'consumption_inf36'"
    assert {row[0] for row in ask(fresh, of_dataset)} == {"consumption.late", "consumption.on"}


def test_a_day_of_the_past_is_judged_for_the_record_alone(fresh: Settings) -> None:
    publish(fresh, load_curve("balance"))
    run(fresh)
    before = [documents_in(fresh, name) for name in ("forecasts", "segments")]
    past = LAST - timedelta(days=10)

    found = run(fresh, until=past)

    tracker = Tracker(fresh, "balance")
    assert [run.params["learnt_until"] for run in tracker.runs("day")] == [past.isoformat(), LAST.isoformat()]
    assert [documents_in(fresh, name) for name in ("forecasts", "segments")] == before
    assert len(tracker.client.search_model_versions("name = 'courant-balance'")) == 2
    told = to_document(found)["datasets"]["balance"]
    assert told["days"] == DAYS - 10
    assert "forecast" not in told


def test_a_search_counts_for_a_week_and_never_for_days_before_it(fresh: Settings) -> None:
    publish(fresh, load_curve("balance", DAYS + 40))

    def searched_until() -> list[str]:
        return [one.tags["searched_until"] for one in Tracker(fresh, "balance").runs("search")]

    def days_after(days: int) -> date:
        return LAST + timedelta(days=40 - days)

    run(fresh, until=days_after(0))
    run(fresh, until=days_after(0))
    assert searched_until() == [days_after(28).isoformat()]
    run(fresh, until=days_after(1))  # what it looked at is judged now
    assert searched_until() == [days_after(29).isoformat(), days_after(28).isoformat()]
    run(fresh, until=days_after(6))
    run(fresh, until=days_after(0))
    assert searched_until()[0] == days_after(34).isoformat()
    assert len(searched_until()) == 3


def test_where_every_engine_fails_it_is_said_and_nothing_is_trained(fresh: Settings) -> None:
    publish(fresh, load_curve("balance"))

    with pytest.raises(JobError, match="sklearn needed more than 40 MB"):
        run(fresh, plan=replace(QUICK, memory_mb=40))

    tracker = Tracker(fresh, "balance")
    [failed] = tracker.runs("engine")
    assert "40 MB" in failed.tags["failure"]
    assert not tracker.runs("day")
    assert tracker.version(CHAMPION) is None
    with pytest.raises(NotEnoughDataError, match="an engine ended"):
        write_report(fresh, ["balance"], Path("nowhere.md"))


def test_a_lock_that_was_lost_while_training_stops_the_job_before_it_writes(
    fresh: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(fresh, load_curve("balance"))
    judging = daily_model.hold_contest

    def meanwhile(*arguments: Any) -> Any:
        [(holder,)] = ask(fresh, "SELECT IS_USED_LOCK(SHA1(CONCAT(DATABASE(), '/the daily model')))")
        with session(fresh, "root") as connection, connection.cursor() as cursor:
            cursor.execute("KILL %s", (holder,))
        return judging(*arguments)

    monkeypatch.setattr(daily_model, "hold_contest", meanwhile)
    with pytest.raises(AnotherWriterError, match="lock of the daily model was lost"):
        run(fresh)

    assert Tracker(fresh, "balance").version(CHAMPION) is None
    assert documents_in(fresh, "forecasts") == []


def test_trees_compete_where_all_may(fresh: Settings, spark: SparkSession) -> None:
    publish(fresh, load_curve("balance", NEEDED_DAYS))

    found = run_daily_model(
        fresh, ["balance"], plan=QUICK, contenders="all", now=NOW, open_spark=lambda: spark
    )

    names = set(to_document(found)["datasets"]["balance"]["backtest MAPE %"])
    assert names == {
        "ridge", "sklearn_boosting", "spark_boosting", "spark_forest", "same_slot_1d_ago", "same_slot_7d_ago",
    }  # fmt: skip


def test_one_daily_model_at_a_time(fresh: Settings) -> None:
    publish(fresh, load_curve("balance"))

    with alone(fresh, "the daily model"), pytest.raises(AnotherWriterError, match="the daily model"):
        run(fresh)


def test_the_ui_shows_the_runs_until_it_is_stopped(fresh: Settings) -> None:
    publish(fresh, load_curve("balance"))
    run(fresh)
    with subprocess.Popen(
        [str(Path(sys.executable).parent / "courant"), "mlflow", "--port", "0"],
        env=submit_environment() | environment_of(fresh) | SHORT_LIVED, stdout=subprocess.PIPE, text=True,
    ) as ui:  # fmt: skip
        assert ui.stdout
        address = re.search(r"http://127\.0\.0\.1:\d+", ui.stdout.readline())
        assert address
        try:
            found = asked(f"{address[0]}/api/2.0/mlflow/registered-models/get?name=courant-balance")
        finally:
            ui.send_signal(signal.SIGTERM)
        assert ui.wait(60) == 0

    assert {one["alias"] for one in found["registered_model"]["aliases"]} == {"champion", "challenger"}
    assert not [
        one
        for one in psutil.process_iter(["cmdline"])
        if f":{address[0].rpartition(':')[2]}" in str(one.info)
    ]


def asked(address: str, *, within_s: float = PATIENCE_S) -> Any:
    """Ask until the server is there: on a slow machine MLflow alone needs a minute."""
    deadline = time.monotonic() + within_s
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                return json.load(answer)
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.3)
