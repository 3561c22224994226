"""What a backtest measures, and what its errors say of the next forecast."""

from datetime import date

import numpy as np
import pytest

from courant.domain.feature_matrix import FeatureMatrix
from courant.ml.backtest import Backtest, backtest, interval_of, search
from courant.ml.engines.interface import Array, Described
from courant.ml.folds import last_folds
from courant.ml.forecasters import SeasonalNaive

FIRST, DAYS = date(2026, 1, 1), 40
LAST = date(2026, 2, 9)


def a_rising_load() -> FeatureMatrix:
    """Give days of 48 slots whose load rises by 1 W a day from 100 W on."""
    numbers = np.repeat(np.arange(DAYS, dtype=float), 48)
    load = 100 + numbers
    return FeatureMatrix(
        columns=("load_1d_w", "load_7d_w"),
        values=np.stack([np.where(numbers >= k, load - k, np.nan) for k in (1, 7)], axis=1),
        target_w=load,
        days=np.datetime64(FIRST) + numbers.astype(int),
        slots=np.tile(np.arange(1, 49), DAYS),
        half_hours=np.tile(np.arange(48), DAYS),
    )


class MeanOfTraining:
    """Forecasts the mean of what it learnt from, times a factor: shows which days those were."""

    name = "mean"

    def __init__(self, factor: float = 1.0) -> None:
        self.factor = factor

    def fit(self, train: FeatureMatrix) -> None:
        self.mean = train.target_w.mean()

    def forecast_w(self, rows: FeatureMatrix) -> Array:
        return np.full(len(rows.slots), self.factor * self.mean)

    def describe(self) -> Described:
        return {"factor": self.factor}


def test_each_fold_is_forecast_from_the_days_before_it() -> None:
    found = backtest(MeanOfTraining(), a_rising_load(), last_folds(LAST, folds=2, days=5))

    # The first 7 days look back on nothing: the folds learn from day 7 to 29, and to 34.
    assert np.unique(found.forecast_w).tolist() == [100 + (7 + 29) / 2, 100 + (7 + 34) / 2]
    assert [int((found.fold == number).sum()) for number in (0, 1)] == [240, 240]
    assert (found.actual_w.min(), found.actual_w.max()) == (130, 139)


@pytest.mark.parametrize("days", [1, 7])
def test_the_same_slot_some_days_ago_errs_by_what_the_load_rose(days: int) -> None:
    found = backtest(SeasonalNaive(days=days), a_rising_load(), last_folds(LAST, folds=1, days=5))

    assert found.scores()["mae"] == days
    assert found.scores()["rmse"] == days


def test_a_fold_without_rows_to_learn_from_is_refused() -> None:
    with pytest.raises(ValueError, match="fold 2026-01-05 to 2026-02-08: 0 and"):
        backtest(SeasonalNaive(days=1), a_rising_load(), last_folds(date(2026, 2, 8), folds=1, days=35))


def test_a_search_tries_every_combination_and_gives_the_best_first() -> None:
    found = search(
        MeanOfTraining, {"factor": [1.0, 1.15, 2.0]}, a_rising_load(), last_folds(LAST, folds=2, days=5)
    )

    assert [one.parameters for one in found] == [{"factor": 1.15}, {"factor": 1.0}, {"factor": 2.0}]
    assert found[0].mape < 3 < found[1].mape


def noise_of(seed: int, days: int) -> tuple[Array, Array]:
    """Give half hours and errors in W that are three times as wide from noon on."""
    half_hours = np.tile(np.arange(48), days)
    return half_hours, np.random.default_rng(seed).normal(size=48 * days) * np.where(half_hours < 24, 10, 30)


@pytest.mark.parametrize("level_w", [1_000.0, 0.0, -1_000.0])  # of a balance of imports, it may be any
def test_80_of_100_half_hours_lie_inside_the_interval_which_is_wider_where_the_errors_are(
    level_w: float,
) -> None:
    half_hours, errors = noise_of(seed=1, days=60)
    forecast = np.full(len(errors), level_w)
    past = Backtest(forecast + errors, forecast, half_hours, np.zeros(len(errors), dtype=int))
    half_hours, errors = noise_of(seed=2, days=60)
    actual = forecast + errors

    low, high = interval_of(past).around(forecast, half_hours)

    assert np.mean((low <= actual) & (actual <= high)) == pytest.approx(0.8, abs=0.02)
    assert np.mean(actual < low) == pytest.approx(0.1, abs=0.02)
    night, noon = half_hours == 10, half_hours == 36
    assert (high - low)[noon].mean() / (high - low)[night].mean() == pytest.approx(3, rel=0.1)


def test_street_lights_that_are_off_at_noon_have_no_width_there_and_never_less_than_no_power() -> None:
    half_hours = np.tile(np.arange(48), 10)
    lit = np.where((half_hours < 12) | (half_hours > 36), 100.0, 0.0)
    past = Backtest(0.9 * lit, lit, half_hours, np.zeros(len(lit), dtype=int))

    low, high = interval_of(past).around(np.full(48, 5.0), np.arange(48))

    assert (low[24], high[24]) == (5, 5)
    assert (low[0], high[0]) == (0, 0)
