"""How far a forecast lies from what happened."""

from __future__ import annotations

import numpy as np

from courant.ml.engines.interface import Array


def rmse(actual: Array, forecast: Array) -> float:
    """Give the root of the mean squared error, in the unit of both."""
    return float(np.sqrt(np.mean((actual - forecast) ** 2)))


def mae(actual: Array, forecast: Array) -> float:
    """Give the mean absolute error, in the unit of both."""
    return float(np.mean(np.abs(actual - forecast)))


def mape(actual: Array, forecast: Array) -> float:
    """Give the mean absolute error as a percentage of what happened; rows where that is 0 are left out; NaN of none."""
    there = actual != 0
    if not there.any():
        return float("nan")
    return float(100 * np.mean(np.abs((actual[there] - forecast[there]) / actual[there])))


def r2(actual: Array, forecast: Array) -> float:
    """Give the share of the variance that the forecast explains; NaN where there is none."""
    whole = np.sum((actual - actual.mean()) ** 2)
    return float(1 - np.sum((actual - forecast) ** 2) / whole) if whole > 0 else float("nan")


def scores(actual: Array, forecast: Array) -> dict[str, float]:
    """Give all of them by name: `rmse` and `mae` in the unit of both, `mape` in %, and `r2`."""
    return {score.__name__: score(actual, forecast) for score in (rmse, mae, mape, r2)}
