"""Every kind of forecaster forecasts the same after it was saved and loaded; and Spark's search finds the best."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from pyspark.sql import SparkSession

from courant.domain.feature_matrix import FeatureMatrix
from courant.ml.backtest import IntervalTable
from courant.ml.challengers import SklearnBoosting, SparkBoosting, SparkForest
from courant.ml.engines.dask import DaskRidge
from courant.ml.engines.sklearn import SklearnRidge
from courant.ml.engines.spark import SparkRidge
from courant.ml.forecasters import Forecaster, LinearForecaster, SeasonalNaive, TreeForecaster
from courant.ml.model_set import ModelSet, load_models, save_models
from courant.ml.spark_search import search_on_spark

KINDS = (
    "ridge_sklearn", "ridge_dask", "ridge_spark", "sklearn_boosting", "spark_boosting", "spark_forest",
    "same_slot_1d_ago",
)  # fmt: skip
DAYS = 40
ERRORS = np.tile([-3.0, 5.0], (48, 1))


def steps() -> FeatureMatrix:
    """Give days of 48 slots; the load is the usual one, and 100 W above it wherever a switch is on."""
    random = np.random.default_rng(3)
    rows = DAYS * 48
    usual, switch = 1_000 + 50 * random.normal(size=rows), random.integers(0, 2, size=rows).astype(float)
    return FeatureMatrix(
        columns=("load_similar_w", "load_1d_w", "switch"),
        values=np.stack([usual, usual - 10, switch], axis=1),
        target_w=usual + 100 * switch,
        days=np.repeat(np.datetime64(date(2026, 1, 1)) + np.arange(DAYS), 48),
        slots=np.tile(np.arange(1, 49), DAYS),
        half_hours=np.tile(np.arange(48), DAYS),
    )


def forecaster(kind: str, spark: SparkSession) -> Forecaster:
    match kind:
        case "sklearn_boosting":
            return TreeForecaster(SklearnBoosting(max_iter=20, learning_rate=0.5))
        case "spark_boosting":
            return TreeForecaster(SparkBoosting(spark, maxIter=3, maxDepth=2, stepSize=0.5))
        case "spark_forest":
            return TreeForecaster(SparkForest(spark, numTrees=5, maxDepth=3))
        case "same_slot_1d_ago":
            return SeasonalNaive(days=1)
    engines = {"sklearn": SklearnRidge, "dask": DaskRidge, "spark": lambda l2: SparkRidge(spark, l2=l2)}
    return LinearForecaster(engines[kind.removeprefix("ridge_")], alpha=1.0)


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_loaded_forecasts_what_was_saved(spark: SparkSession, tmp_path: Path, kind: str) -> None:
    made, rows = forecaster(kind, spark), steps()
    made.fit(rows)
    forecast = made.forecast_w(rows)
    if kind != "same_slot_1d_ago":  # it learnt what there is to learn
        assert np.abs(forecast - rows.target_w).mean() < 20

    save_models(ModelSet(made.name, {"north": made}, {"north": IntervalTable(ERRORS, 0.0)}), tmp_path / "set")
    loaded = load_models(tmp_path / "set")

    assert loaded.recipe == made.name
    assert loaded.forecasters["north"].forecast_w(rows) == pytest.approx(forecast, rel=1e-12)
    assert loaded.forecasters["north"].describe() == made.describe()
    of_day = loaded.forecast(rows.between(date(2026, 1, 5), date(2026, 1, 5)), "north")
    assert of_day.high_w - of_day.power_w == pytest.approx(np.full(48, 5.0))
    assert loaded.intervals["north"].least_w == 0


# pyspark's CrossValidator leaves its pool of threads to the garbage collector.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <function Pool.__del__")
def test_sparks_search_tries_every_combination_and_gives_the_best_first(spark: SparkSession) -> None:
    found = search_on_spark(SparkBoosting(spark), {"maxDepth": [0, 2], "maxIter": [1, 2]}, steps())

    assert sorted((one["maxDepth"], one["maxIter"]) for one, _ in found) == [(0, 1), (0, 2), (2, 1), (2, 2)]
    assert [one["maxDepth"] for one, _ in found] == [2, 2, 0, 0]  # without a split, no switch is seen
    errors = [error for _, error in found]
    assert errors == sorted(errors)
    assert errors[1] < 5
    assert errors[2] > 49
