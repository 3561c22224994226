"""Ways to forecast compete on the last weeks, and one of them is the champion until another does better."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from py4j.protocol import Py4JError
from pyspark.sql import SparkSession

from courant.domain.feature_matrix import FeatureMatrix
from courant.ml.backtest import Backtest, backtest, search
from courant.ml.challengers import Parameters, SklearnBoosting, SparkBoosting, SparkForest, SparkTrees
from courant.ml.engines.interface import LinearRegressor
from courant.ml.folds import folds_within
from courant.ml.forecasters import Forecaster, LinearForecaster, SeasonalNaive, TreeForecaster
from courant.ml.spark_search import search_on_spark

log = logging.getLogger(__name__)

PROMOTION_MARGIN = 0.01  # of the champion's MAPE: what is better by less may be better by chance

Choices = Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Recipe:
    """A way to forecast, with which a forecaster is made for each series."""

    name: str
    make: Callable[..., Forecaster]  # of parameters; its own where none are given
    search: Callable[[FeatureMatrix], list[Parameters]] | None  # gives what it tried, the best first
    is_quick: bool = True  # whether it can be fitted for each of a hundred series every day


@dataclass(frozen=True)
class Judged:
    """A recipe and how its forecasters did."""

    recipe: Recipe
    by_series: Mapping[str, Backtest]

    @property
    def whole(self) -> Backtest:
        """The forecasts of all series."""
        return Backtest.joined(list(self.by_series.values()))

    @property
    def mape(self) -> float:
        """Of all half hours of all series, in %."""
        return self.whole.scores()["mape"]


def recipes(linear: Callable[..., LinearRegressor], spark: SparkSession | None) -> list[Recipe]:
    """List all ways to forecast.

    Parameters
    ----------
    linear
        Makes the engine of the ridge, with its penalty `l2`.
    spark
        A session for the trees of MLlib; without one they do not compete.
    """
    quick = [
        _recipe("same_slot_1d_ago", lambda: SeasonalNaive(days=1), {}),
        _recipe("same_slot_7d_ago", lambda: SeasonalNaive(days=7), {}),
        _recipe(
            LinearForecaster.name,
            lambda **given: LinearForecaster(linear, **given),
            {"alpha": (10.0, 100.0, 1000.0)},
        ),
    ]
    boosting = _recipe(
        SklearnBoosting.name,
        lambda **given: TreeForecaster(SklearnBoosting(**given)),
        {"learning_rate": (0.05, 0.1), "max_leaf_nodes": (15, 31)},
        is_quick=False,
    )
    of_spark = [] if spark is None else [
        _of_spark(partial(SparkBoosting, spark), {"maxDepth": (4, 6)}),
        _of_spark(partial(SparkForest, spark), {"maxDepth": (8, 10)}),
    ]  # fmt: skip
    return [*quick, boosting, *of_spark]


def _recipe(name: str, make: Callable[..., Forecaster], choices: Choices, *, is_quick: bool = True) -> Recipe:
    def tried(rows: FeatureMatrix) -> list[Parameters]:
        return [one.parameters for one in search(make, choices, rows, folds_within(rows))]

    return Recipe(name, make, tried if choices else None, is_quick)


def _of_spark(trees: Callable[..., SparkTrees], choices: Choices) -> Recipe:
    made = trees()

    def tried(rows: FeatureMatrix) -> list[Parameters]:
        return [parameters for parameters, _ in search_on_spark(made, choices, rows)]

    return Recipe(made.name, lambda **given: TreeForecaster(trees(**given)), tried, is_quick=False)


def judge(
    contenders: Mapping[str, Recipe],
    parameters: Mapping[str, Parameters],
    series: Iterable[tuple[str, FeatureMatrix]],
) -> list[Judged]:
    """Backtest every recipe on every series, over the last weeks that each knows.

    A recipe whose JVM fails, for memory as a rule, does not compete. A series with too few days for one fold judges
    nothing.

    Parameters
    ----------
    contenders
        By name.
    parameters
        By the name of a recipe; its own where none are given.
    series
        Rows by the name of their series; they are asked for one after another, and none is kept.
    """
    found: dict[str, dict[str, Backtest]] = {name: {} for name in contenders}
    for one, rows in series:
        folds = folds_within(rows)
        for name in list(found) if folds else []:
            try:
                made = contenders[name].make(**parameters.get(name, {}))
                found[name][one] = backtest(made, rows, folds)
            except Py4JError as error:
                log.warning("%s does not compete today: %s", name, str(error).splitlines()[0])
                del found[name]
    return [Judged(contenders[name], by_series) for name, by_series in found.items() if by_series]


def choose(judged: Sequence[Judged], champion: str | None) -> Judged:
    """Keep the champion unless the best's MAPE is lower by more than the margin.

    Parameters
    ----------
    champion
        The recipe that forecasts now; None where none does, or one that does not compete any more.
    """
    ranked = sorted(judged, key=lambda one: one.mape)
    now = next((one for one in ranked if one.recipe.name == champion), ranked[0])
    return ranked[0] if ranked[0].mape < now.mape * (1 - PROMOTION_MARGIN) else now
