"""The daily model: engines compared, the best recipe registered, the next day forecast, the last ones scored."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

import numpy as np
from pyspark.sql import SparkSession

from courant.batch.compare_engines import Comparison, ComparisonPlan, compare_engines
from courant.batch.forecast import score_last_days, write_next_day
from courant.batch.learning_data import LearningData, not_enough, read_learning_data
from courant.batch.record_runs import DAY, keep_comparison, keep_costs, keep_day
from courant.batch.segment_curves import to_segments
from courant.batch.train_models import Trained, train_models
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
from courant.stores.mysql.migrate import upgrade

log = logging.getLogger(__name__)

Contenders = Literal["quick", "all"]
_WORK = "the daily model"


@dataclass(frozen=True)
class Forecast:
    """What was done for a data set with enough days."""

    trained: Trained
    made: Sequence[DayForecast]  # a series each
    scored: int  # forecasts of series and days that were compared with what happened

    @property
    def day(self) -> date:
        """The day that was forecast: the first that no series has whole."""
        return max(one.day for one in self.made)


@dataclass(frozen=True)
class DailyModel:
    """What one run did."""

    data: Sequence[LearningData]
    comparisons: Sequence[Comparison]
    engine: str  # that fits the ridge
    forecasts: Mapping[str, Forecast]  # by data set


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
        Do the work as if this day were the last that is known.

    Raises
    ------
    NotEnoughDataError
        If no series has enough days; nothing is measured or written then.
    ParityError
        If the engines did not solve the same problem; nothing is trained then.
    AnotherWriterError
        If another daily model is at work.
    MongoDownError, MySQLDownError, AccessDeniedError
        If a server is away or refuses the account.
    """
    upgrade(settings)
    with alone(settings, _WORK), mongo.session(settings) as database:
        mongo.ensure_indexes(database)
        log.info("reading what %s can be forecast from", ", ".join(datasets))
        data = [read_learning_data(database, name, until=until) for name in datasets]
        ready = [one for one in data if one.series]
        if not ready:
            raise not_enough(data)
        forecasts = {}
        for one in ready:
            tracker = Tracker(settings, one.dataset)
            tracker.clear_abandoned()
            with tracker.run(now.astimezone(PARIS).date().isoformat(), tags={"kind": DAY}) as day:
                if one is ready[0]:
                    segmented = max(data, key=lambda each: len(each.all_shapes))
                    comparisons = _compare(day, plan, one, segmented)
                    engine = choose_engine(_of_the_day(comparisons).measured)
                    _keep_segments(database, segmented, comparisons, now)
                chosen = _contenders(one, contenders, engine, open_spark)
                trained = train_models(day, one, chosen, now)
                made = write_next_day(settings, database, one, trained, now)
                scores = score_last_days(settings, database, one, now)
                keep_day(day, one, trained, scores)
            forecasts[one.dataset] = Forecast(trained, made, len(scores))
        return DailyModel(data, comparisons, engine, forecasts)


def to_document(found: DailyModel) -> dict[str, Any]:
    """Give plain values: by data set what was trained and forecast, and what each engine cost."""
    return {
        "datasets": {one.dataset: _of_dataset(one, found.forecasts.get(one.dataset)) for one in found.data},
        "engine": found.engine,
        "engines": [
            _of_engine(comparison, one) for comparison in found.comparisons for one in comparison.measured
        ],
    }


def _compare(
    day: OpenRun, plan: ComparisonPlan, linear: LearningData, segmented: LearningData
) -> list[Comparison]:
    """Keep each size as soon as it is measured: the large ones take long."""
    made = []
    for comparison in compare_engines(plan, linear, segmented):
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


def _keep_segments(
    database: MongoDatabase, data: LearningData, comparisons: Sequence[Comparison], now: datetime
) -> None:
    """Keep the segments that an engine found in the curves as they are; they are in parity, so any engine's will do."""
    for comparison in comparisons:
        ended = [one for one in comparison.measured if one.failure is None]
        if comparison.work == KMEANS and ended:
            replace_segments(database, data.dataset, to_segments(data, np.asarray(ended[0].learned), now))
            return


def _of_dataset(data: LearningData, forecast: Forecast | None) -> dict[str, Any]:
    if forecast is None:
        return {"skipped": data.why_not}
    trained = forecast.trained
    return {
        "model": trained.version.recipe,
        "version": trained.version.number,
        "promoted": trained.is_promoted,
        "days": len(data.longest.documents),
        "backtest MAPE %": {
            one.recipe.name: round(one.mape, 2) for one in sorted(trained.judged, key=lambda one: one.mape)
        },
        "weather known": {name: round(one.mape, 2) for name, one in trained.known.items()},
        "forecast": forecast.day.isoformat(),
        "series": len(forecast.made),
        "scored": forecast.scored,
        "not ready": len(data.not_ready),
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
