"""What a forecaster would have forecast: fitted before each fold, judged on it, and how wide its errors lie."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from courant.domain.feature_matrix import CLOCK_HALF_HOURS, FeatureMatrix
from courant.ml.engines.interface import Array
from courant.ml.folds import Fold, grid_of
from courant.ml.forecasters import Forecaster
from courant.ml.scores import mape, scores

COVERAGE = 0.8
_NEIGHBOURS = 3  # half hours before and after, whose errors count for a half hour's interval


@dataclass(frozen=True)
class Backtest:
    """The forecasts of all folds, in the order of their rows."""

    actual_w: Array
    forecast_w: Array
    half_hours: NDArray[np.int64]
    fold: NDArray[np.int64]  # its number, from 0

    @classmethod
    def joined(cls, parts: Sequence[Backtest]) -> Backtest:
        """Put the backtests of several series behind one another."""
        columns = zip(*((p.actual_w, p.forecast_w, p.half_hours, p.fold) for p in parts), strict=True)
        return cls(*(np.concatenate(column) for column in columns))

    def scores(self) -> dict[str, float]:
        """Give `rmse` and `mae` in W, `mape` in %, and `r2`."""
        return scores(self.actual_w, self.forecast_w)


class Interval(NamedTuple):
    """What lies below and above a forecast, in W."""

    low_w: Array
    high_w: Array


@dataclass(frozen=True)
class IntervalTable:
    """How far a forecaster errs at each half hour of the clock."""

    errors_w: Array  # (48, 2): the error below and above
    least_w: float = -np.inf  # nothing lies below this

    def around(self, forecast_w: Array, half_hours: NDArray[np.int64]) -> Interval:
        """Lay it around a forecast of (rows,) half hours."""
        low, high = self.errors_w[half_hours].T
        return Interval(
            np.maximum(forecast_w + low, self.least_w), np.maximum(forecast_w + high, self.least_w)
        )


class Searched(NamedTuple):
    """One combination of parameters, and its MAPE over all folds in %."""

    parameters: dict[str, float]
    mape: float


def backtest(forecaster: Forecaster, rows: FeatureMatrix, folds: Sequence[Fold]) -> Backtest:
    """Fit anew before each fold and forecast it; the forecaster is left as the last fold's.

    Raises
    ------
    ValueError
        If a fold has no row to learn from or none to judge on.
    """
    parts = []
    for number, fold in enumerate(folds):
        train, test = fold.train(rows), fold.test(rows)
        if not len(train.slots) or not len(test.slots):
            raise ValueError(
                f"fold {fold.first} to {fold.last}: {len(train.slots)} and {len(test.slots)} rows"
            )
        forecaster.fit(train)
        forecast = forecaster.forecast_w(test)
        parts.append((test.target_w, forecast, test.half_hours, np.full(len(forecast), number)))
    return Backtest(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def search(
    make: Callable[..., Forecaster],
    choices: Mapping[str, Sequence[float]],
    rows: FeatureMatrix,
    folds: Sequence[Fold],
) -> list[Searched]:
    """Try every combination on the same folds.

    Parameters
    ----------
    make
        Makes a forecaster of the parameters, by their names in `choices`.

    Returns
    -------
    list of Searched
        The best first; of equals, the one that comes first in `choices`.
    """
    found = [
        Searched(chosen, mape(result.actual_w, result.forecast_w))
        for chosen in grid_of(choices)
        for result in [backtest(make(**chosen), rows, folds)]
    ]
    return sorted(found, key=lambda one: one.mape)


def interval_of(past: Backtest, *, coverage: float = COVERAGE) -> IntervalTable:
    """Take the quantiles of a backtest's errors, by the half hour of the clock.

    The errors are in W, not shares of the forecast: those turn round where a forecast is below 0, and are endless
    where it is 0.

    Parameters
    ----------
    past
        Of the same forecaster, on days before those that the interval is for; its folds are days that it had not seen.
    coverage
        The share of half hours that shall lie inside; as many of the others above as below.

    Returns
    -------
    IntervalTable
        A half hour's errors are those of its neighbours on the clock too: a few weeks give each only some dozens.
        Of a series that never was below 0, no interval is.
    """
    errors = past.actual_w - past.forecast_w
    near = [errors[_near(past.half_hours, half_hour)] for half_hour in range(CLOCK_HALF_HOURS)]
    tails = ((1 - coverage) / 2, (1 + coverage) / 2)
    least_w = 0.0 if past.actual_w.min() >= 0 else -np.inf
    return IntervalTable(
        np.stack([np.quantile(one, tails) if len(one) else np.zeros(2) for one in near]), least_w
    )


def _near(at: NDArray[np.int64], half_hour: int) -> NDArray[np.bool_]:
    apart = np.abs(at - half_hour)
    return np.asarray(np.minimum(apart, CLOCK_HALF_HOURS - apart) <= _NEIGHBOURS)
