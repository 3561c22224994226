"""What every engine can do, and the one objective that each maps its own hyper-parameters to.

A ridge minimises ``1/(2n) · Σ (y - x·b)² + l2/2 · |b|²``. There is no intercept: columns and target come standardised
(mean 0, deviation 1), once and outside, so that no engine penalises or scales what another does not.
K-means minimises the sum of squared distances to the nearest centre, by Lloyd's iterations from given centres.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Labels = NDArray[np.int64]
Described = Mapping[str, str | int | float]


class Regressor(Protocol):
    """Learns a number for each row."""

    name: str

    def fit(self, x: Array, y: Array) -> None:
        """Learn from (rows, columns) and (rows,), without NaN."""

    def predict(self, x: Array) -> Array:
        """Give (rows,) in the target's unit, in the order of the rows."""

    def describe(self) -> Described:
        """Say which library, solver and parameters these are, and what fitting took."""


class LinearRegressor(Regressor, Protocol):
    """A regressor with a weight a column."""

    @property
    def coefficients(self) -> Array:
        """(columns,): the weights, after `fit`."""


class Segmenter(Protocol):
    """Puts each row into the segment whose centre is nearest."""

    name: str

    def fit(self, x: Array, centres: Array) -> None:
        """Move the (segments, columns) initial centres through (rows, columns), without NaN."""

    def predict(self, x: Array) -> Labels:
        """Give each row's segment, counted from 0 in the order of the initial centres."""

    def describe(self) -> Described:
        """Say which library and parameters these are, and what fitting took."""

    @property
    def centres(self) -> Array:
        """(segments, columns), after `fit`."""
