"""The rows that a day-ahead model learns from and forecasts, and how a linear one weighs them by the time of day.

A row is a slot of a day. A model that bends by itself (trees) takes the rows as they are; a linear one takes them
`by_slot`, where each variable's weight varies smoothly over the day.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

CLOCK_HALF_HOURS = 48
SLOT_HARMONICS = 4
HALF_HOUR = "clock_half_hour"

Grid = NDArray[np.float64]


@dataclass(frozen=True)
class FeatureMatrix:
    """Rows in the order of days and slots; a value is NaN where what it needs is not known."""

    columns: tuple[str, ...]
    values: Grid  # (rows, columns)
    target_w: Grid  # (rows,): the slot's mean power; NaN where it is not known yet
    days: NDArray[np.datetime64]  # (rows,): Paris days
    slots: NDArray[np.int64]  # (rows,): 1 to 46, 48 or 50
    half_hours: NDArray[np.int64]  # (rows,): 0 to 47 on the clock

    def column(self, name: str) -> Grid:
        """Give one column's values."""
        return self.values[:, self.columns.index(name)]

    def take(self, rows: NDArray[np.bool_]) -> FeatureMatrix:
        """Keep the rows that are true."""
        return FeatureMatrix(
            self.columns,
            self.values[rows],
            self.target_w[rows],
            self.days[rows],
            self.slots[rows],
            self.half_hours[rows],
        )

    def between(self, first: date, last: date) -> FeatureMatrix:
        """Keep the rows of the days from `first` to `last`, both included."""
        within = (self.days >= np.datetime64(first)) & (self.days <= np.datetime64(last))
        return self.take(np.asarray(within, dtype=np.bool_))

    def complete(self) -> FeatureMatrix:
        """Keep the rows whose every feature is known; the target may be NaN, as it is for a forecast."""
        return self.take(np.asarray(~np.isnan(self.values).any(axis=1)))

    def trainable(self) -> FeatureMatrix:
        """Keep the rows whose every feature and whose target are known."""
        complete = self.complete()
        return complete.take(~np.isnan(complete.target_w))


def by_slot(matrix: FeatureMatrix, *, harmonics: int = SLOT_HARMONICS) -> FeatureMatrix:
    """Multiply each variable with harmonics of the day, so that a linear model weighs it by the time of day.

    Parameters
    ----------
    harmonics
        How many pairs of cosine and sine: 2 h + 1 columns a variable, and 2 h for the half hour itself.
    """
    basis_names, basis = _day_harmonics(matrix.half_hours, harmonics)
    names = [name for name in matrix.columns if name != HALF_HOUR]
    held = np.stack([matrix.column(name) for name in names], axis=1)
    products = (held[:, :, None] * basis[:, None, :]).reshape(len(held), len(names) * len(basis_names))
    crossed = [f"{name}:{part}" if part else name for name in names for part in basis_names]
    return replace(
        matrix,
        columns=(*crossed, *basis_names[1:]),
        values=np.concatenate([products, basis[:, 1:]], axis=1),
    )


def _day_harmonics(half_hours: NDArray[np.int64], harmonics: int) -> tuple[list[str], Grid]:
    """Give the constant, under an empty name, and the pairs of cosine and sine."""
    angle = 2 * np.pi * (half_hours + 0.5) / CLOCK_HALF_HOURS
    names, columns = [""], [np.ones(len(half_hours))]
    for k in range(1, harmonics + 1):
        names += [f"day_cos_{k}", f"day_sin_{k}"]
        columns += [np.cos(k * angle), np.sin(k * angle)]
    return names, np.stack(columns, axis=1)
