"""The daily model: engines compared, the best recipe registered, the next day forecast, the last ones scored."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pyspark.sql import SparkSession

from courant.batch.compare_engines import Comparison, ComparisonPlan, compare_engines
from courant.batch.forecast import score_last_days, write_next_day
from courant.batch.learning_data import LearningData, not_enough, read_learning_data
from courant.batch.record_runs import DAY, keep_comparison, keep_costs, keep_day
from courant.batch.segment_curves import to_segments
from courant.batch.train_models import Contest, Trained, hold_contest, register_winners
from courant.domain.calendar import PARIS, slots_of_day
from courant.ml.contest import Recipe, recipes
from courant.ml.engine_choice import choose_engine
from courant.ml.measure import Measured, metrics
from courant.ml.measured_work import KMEANS, RIDGE, models
from courant.ml.model_set import DayForecast
from courant.registry.tracking import OpenRun, Tracker
from courant.settings import Settings
from courant.stores import mongo
from courant.stores.mongo import MongoDatabase
from courant.stores.mongo_forecasts import replace_segments
from courant.stores.mysql.alone import alone
from courant.stores.mysql.forecasts import Row
from courant.stores.mysql.migrate import upgrade

log = logging.getLogger(__name__)

Contenders = Literal["quick", "all"]
_WORK = "the daily model"


@dataclass(frozen=True)
class Forecast:
    """What was made of a contest."""

    trained: Trained
    made: Sequence[DayForecast]  # a series each
    scores: Sequence[Row]  # of the last days' forecasts, by series

    @property
    def day(self) -> date:
        """The day that was forecast: the first that no series has whole."""
        return max(one.day for one in self.made)


@dataclass(frozen=True)
class _Edges:
    """What a run writes to."""

    settings: Settings
    database: MongoDatabase
    scratch: Path  # a folder that is emptied at the start: a killed run leaves rows and models in it
    check_alone: Callable[[], None]
    now: datetime


@dataclass(frozen=True)
class DailyModel:
    """What one run did."""

    data: Sequence[LearningData]
    comparisons: Sequence[Comparison]
    engine: str  # that fits the ridge
    contests: Mapping[str, Contest]  # by data set that has enough days
    forecasts: Mapping[str, Forecast]  # the same; empty where the last day was given


def run_daily_model(  # noqa: PLR0913 - an edge: all that a person may choose
    settings: Settings,
    datasets: Sequence[str],
    *,
    plan: ComparisonPlan,
    contenders: Contenders,
    now: datetime,
    open_spark: Callable[[], SparkSession],
    until: date | None = None,
) -> DailyModel:
    """Do the whole day's work, one data set after another; a run that is killed is forgotten by the next.

    Parameters
    ----------
    contenders
        `quick`: the linear model and what needs no learning. `all`: trees too, for a data set of one series.
    open_spark
        Asked for a session once everything is measured, and only if something needs one.
    until
        Judge as if this day were the last that is known, for the record alone: no model is registered, and nothing is
        forecast, scored or put into segments.

    Raises
    ------
    NotEnoughDataError
        If no series has enough days; nothing is measured or written then.
    ParityError
        If the engines did not solve the same problem; nothing is trained then.
    AnotherWriterError
        If another daily model is at work, or may have been.
    MongoDownError, MySQLDownError, AccessDeniedError
        If a server is away or refuses the account.
    """
    upgrade(settings)
    with alone(settings, _WORK) as check_alone, mongo.session(settings) as database:
        mongo.ensure_indexes(database)
        log.info("reading what %s can be forecast from", ", ".join(datasets))
        data = [read_learning_data(database, name, until=until) for name in datasets]
        ready = [one for one in data if one.series]
        if not ready:
            raise not_enough(data)
        edges = _Edges(settings, database, _empty_scratch(settings), check_alone, now)
        contests, forecasts = {}, {}
        for one in ready:
            tracker = Tracker(settings, one.dataset)
            tracker.clear_abandoned()
            with tracker.run(now.astimezone(PARIS).date().isoformat(), tags={"kind": DAY}) as day:
                if one is ready[0]:
                    segmented = max(data, key=lambda each: len(each.all_shapes))
                    comparisons = _compare(day, plan, one, segmented, edges.scratch)
                    engine = choose_engine(_of_the_day(comparisons).measured)
                    if until is None:
                        _keep_segments(edges, segmented, comparisons)
                contests[one.dataset] = hold_contest(
                    day, one, _contenders(one, contenders, engine, open_spark)
                )
                if until is None:
                    forecasts[one.dataset] = _forecast(edges, day, one, contests[one.dataset])
                made = forecasts.get(one.dataset)
                keep_day(day, one, contests[one.dataset], made.scores if made else ())
        return DailyModel(data, comparisons, engine, contests, forecasts)


def to_document(found: DailyModel) -> dict[str, Any]:
    """Give plain values: by data set what was trained and forecast, and what each engine cost."""
    return {
        "datasets": {
            one.dataset: _of_dataset(one, found.contests.get(one.dataset), found.forecasts.get(one.dataset))
            for one in found.data
        },
        "engine": found.engine,
        "engines": [
            _of_engine(comparison, one) for comparison in found.comparisons for one in comparison.measured
        ],
    }


def _empty_scratch(settings: Settings) -> Path:
    folder = settings.home / "scratch" / settings.mysql.database
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _forecast(edges: _Edges, day: OpenRun, data: LearningData, contest: Contest) -> Forecast:
    edges.check_alone()
    trained = register_winners(day, data, contest, edges.scratch)
    edges.check_alone()
    made = write_next_day(edges.settings, edges.database, data, trained, edges.now)
    return Forecast(trained, made, score_last_days(edges.settings, edges.database, data, edges.now))


def _compare(
    day: OpenRun, plan: ComparisonPlan, linear: LearningData, segmented: LearningData, scratch: Path
) -> list[Comparison]:
    """Keep each size as soon as it is measured: the large ones take long."""
    made = []
    for comparison in compare_engines(plan, linear, segmented, scratch):
        keep_comparison(day, comparison)
        made.append(comparison)
    keep_costs(day, made)
    return made


def _of_the_day(comparisons: Sequence[Comparison]) -> Comparison:
    """Find the ridge on the day's own rows, with the most cores."""
    ridges = [one for one in comparisons if one.work == RIDGE]
    return min(ridges, key=lambda one: (one.scale, -one.cores))


def _contenders(
    data: LearningData, contenders: Contenders, engine: str, open_spark: Callable[[], SparkSession]
) -> dict[str, Recipe]:
    takes_all = contenders == "all" and len(data.series) == 1
    spark = open_spark() if takes_all or engine == "spark" else None
    make_ridge, _ = models(engine)
    found = recipes(make_ridge, spark)
    return {one.name: one for one in found if takes_all or one.is_quick}


def _keep_segments(edges: _Edges, data: LearningData, comparisons: Sequence[Comparison]) -> None:
    """Keep the segments that an engine found in the curves as they are; they are in parity, so any engine's will do."""
    edges.check_alone()
    for comparison in comparisons:
        ended = [one for one in comparison.measured if one.failure is None]
        if comparison.work == KMEANS and ended:
            found = to_segments(data, np.asarray(ended[0].learned), edges.now)
            replace_segments(edges.database, data.dataset, found)
            return


def _of_dataset(data: LearningData, contest: Contest | None, forecast: Forecast | None) -> dict[str, Any]:
    if contest is None:
        return {"skipped": data.why_not}
    return {
        "model": contest.champion.recipe.name,
        "promoted": contest.is_promoted,
        "days": len(data.longest.documents),
        "backtest MAPE %": {one.recipe.name: round(one.mape, 2) for one in contest.in_order},
        "weather known": {name: round(one.mape, 2) for name, one in contest.known.items()},
        "series": len(data.series),
        "not ready": len(data.not_ready),
        **(_of_forecast(forecast) if forecast else {}),
    }


def _of_forecast(forecast: Forecast) -> dict[str, Any]:
    return {
        "version": forecast.trained.version.number,
        "forecast": forecast.day.isoformat(),
        "scored": len(forecast.scores),
        **_of_curve(forecast.made[0] if len(forecast.made) == 1 else None),
    }


def _of_curve(made: DayForecast | None) -> dict[str, Any]:
    """Sum up the curve of a data set that has but one."""
    if made is None:
        return {}
    peak = int(np.argmax(made.power_w))
    start = slots_of_day(made.day)[peak].astimezone(PARIS)
    return {
        "mean_w": float(made.power_w.mean()),
        "peak_w": float(made.power_w[peak]),
        "peak_low_w": float(made.low_w[peak]),
        "peak_high_w": float(made.high_w[peak]),
        "peak_at": f"{start:%H:%M}",
        "hourly_w": made.power_w.reshape(-1, 2).mean(axis=1).tolist(),
    }


def _of_engine(comparison: Comparison, measured: Measured) -> dict[str, Any]:
    named = {name: round(value, 3) for name, value in metrics(measured).items()}
    about = {
        "dataset": comparison.dataset, "work": comparison.work, "engine": measured.engine, "rows": measured.rows,
        "cores": measured.cores,
    }  # fmt: skip
    return about | named | ({"failure": measured.failure} if measured.failure else {})
