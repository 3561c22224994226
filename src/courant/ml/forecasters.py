"""Forecasters of half hours: rows of features in, power out; a linear one, trees, and what needs no learning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from courant.domain.feature_matrix import FeatureMatrix
from courant.ml.design import LinearDesign
from courant.ml.engines.interface import Array, Described, LinearRegressor, Regressor

USUAL = "load_similar_w"
ALPHA = 100.0


class Forecaster(Protocol):
    """Learns from rows whose target is known, and forecasts rows whose features are."""

    @property
    def name(self) -> str:
        """Name the kind."""

    def fit(self, train: FeatureMatrix) -> None:
        """Learn from `trainable()` rows of one series."""

    def forecast_w(self, rows: FeatureMatrix) -> Array:
        """Give the mean power of each of the `complete()` rows, in W."""

    def describe(self) -> Described:
        """Say what it is and with which parameters."""


class LinearForecaster:
    """A ridge on the variables times harmonics of the day, solved by any engine.

    Parameters
    ----------
    engine
        Makes one, of its penalty `l2`.
    alpha
        The penalty in the sum of squares: the more rows, the less it weighs beside them.
    """

    name = "ridge"

    def __init__(self, engine: Callable[..., LinearRegressor], *, alpha: float = ALPHA) -> None:
        self._make, self.alpha = engine, alpha

    def fit(self, train: FeatureMatrix) -> None:
        """Measure the design, then fit the engine."""
        self.design, self.engine = LinearDesign.of(train), self._make(l2=self.alpha / len(train.slots))
        self.engine.fit(self.engine.hold(self.design.x(train), self.design.y(train)))

    def forecast_w(self, rows: FeatureMatrix) -> Array:
        """Predict standardised, and give W."""
        return self.design.power_w(self.engine.predict(self.engine.hold(self.design.x(rows))))

    def describe(self) -> Described:
        """Describe the engine."""
        return self.engine.describe()


class TreeForecaster:
    """Trees on how far the load is from the usual: a tree knows no level that it has not seen."""

    def __init__(self, regressor: Regressor) -> None:
        self.regressor = regressor
        self.name = regressor.name

    def fit(self, train: FeatureMatrix) -> None:
        """Fit the regressor on the distances from the similar days' mean."""
        self.regressor.fit(centred(train), train.target_w - train.column(USUAL))

    def forecast_w(self, rows: FeatureMatrix) -> Array:
        """Add the usual to what is predicted."""
        return np.asarray(rows.column(USUAL) + self.regressor.predict(centred(rows)))

    def describe(self) -> Described:
        """Describe the regressor."""
        return self.regressor.describe()


class SeasonalNaive:
    """The same slot so many days ago: what every model must beat."""

    def __init__(self, *, days: int) -> None:
        self.days = days
        self.name = f"same_slot_{days}d_ago"

    def fit(self, train: FeatureMatrix) -> None:
        """Learn nothing."""

    def forecast_w(self, rows: FeatureMatrix) -> Array:
        """Repeat."""
        return rows.column(f"load_{self.days}d_w")

    def describe(self) -> Described:
        """Say how far it looks back."""
        return {"days": self.days}


def centred(rows: FeatureMatrix) -> Array:
    """Give loads as their distance from the usual load, the usual itself and all else as they are."""
    loads = [name.startswith("load_") and "excess" not in name and name != USUAL for name in rows.columns]
    return np.where(loads, rows.values - rows.column(USUAL)[:, None], rows.values)
