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
    """Give the mean absolute error as a percentage of what happened; rows where that is 0 are left out."""
    there = actual != 0
    return float(100 * np.mean(np.abs((actual[there] - forecast[there]) / actual[there])))


def r2(actual: Array, forecast: Array) -> float:
    """Give the share of the variance that the forecast explains."""
    return float(1 - np.sum((actual - forecast) ** 2) / np.sum((actual - actual.mean()) ** 2))
