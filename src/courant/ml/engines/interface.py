"""What every engine can do, and the one objective that each maps its own hyper-parameters to.

A ridge minimises ``1/(2n) · Σ (y - x·b)² + l2/2 · |b|²``. There is no intercept: columns and target come standardised
(mean 0, deviation 1), once and outside, so that no engine penalises or scales what another does not.
K-means minimises the sum of squared distances to the nearest centre, by Lloyd's iterations from given centres.

Engines learn from rows in a form of their own, which they make from arrays (`hold`) or read by themselves (`load`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Labels = NDArray[np.int64]
Described = Mapping[str, str | int | float]
Rows = Any  # an engine's own form of rows; only the engine that made them looks inside


class Regressor(Protocol):
    """Learns a number for each row."""

    name: str

    def fit(self, x: Array, y: Array) -> None:
        """Learn from (rows, columns) and (rows,), without NaN."""

    def predict(self, x: Array) -> Array:
        """Give (rows,) in the target's unit, in the order of the rows."""

    def describe(self) -> Described:
        """Say which library, solver and parameters these are, and what fitting took."""


class Engine(Protocol):
    """Brings rows into its own form, and says what it is."""

    name: str

    def hold(self, x: Array, y: Array | None = None) -> Rows:
        """Take (rows, columns) and (rows,), without NaN, from this process's memory."""

    def load(self, path: Path) -> Rows:
        """Read one file of `row_files`, with or without a target, into the memory that the engine fits from."""

    def describe(self) -> Described:
        """Say which library, solver and parameters these are, and what fitting took."""


class LinearRegressor(Engine, Protocol):
    """Learns a number for each row, with a weight a column."""

    def fit(self, rows: Rows) -> None:
        """Learn from rows with a target."""

    def predict(self, rows: Rows) -> Array:
        """Give (rows,) in the target's unit, in the order of the rows."""

    @property
    def coefficients(self) -> Array:
        """(columns,): the weights, after `fit`."""


class Segmenter(Engine, Protocol):
    """Puts each row into the segment whose centre is nearest."""

    def fit(self, rows: Rows, centres: Array) -> None:
        """Move the (segments, columns) initial centres through the rows."""

    def predict(self, rows: Rows) -> Labels:
        """Give each row's segment, counted from 0 in the order of the initial centres."""

    @property
    def centres(self) -> Array:
        """(segments, columns), after `fit`."""
