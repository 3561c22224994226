"""Documents of `features_daily` become the matrix that a day-ahead model of half hours is fitted on.

A row is a slot of a day, made at the day's midnight in Paris: nothing of the day itself is read but the target, the
calendar, and, with the weather known, a forecast of it. A model that bends by itself (trees) takes the rows as they
are; a linear one takes them `by_slot`, where each variable's weight varies smoothly over the day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from courant.domain.calendar import clock_half_hours
from courant.transforms.day_grid import CLOCK_HALF_HOURS, LOAD, DayGrid, Document, Grid, slots_of, to_grid
from courant.transforms.day_variables import Weather, variables

SLOT_HARMONICS = 4
HALF_HOUR = "clock_half_hour"


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


def to_features(documents: Sequence[Document], *, days: Sequence[date], weather: Weather) -> FeatureMatrix:
    """Make the rows of the given days from one series' documents.

    Parameters
    ----------
    documents
        As `to_grid` takes them. A day without one is a gap: features that look back on it are NaN.
    days
        The days to make rows of, in this order; the day to forecast need not have a document.
    weather
        Whether the day's own temperature and pseudo-rayonnement count as known (as from a perfect forecast).
        Weather fields that no document knows are left out of the columns.

    Returns
    -------
    FeatureMatrix
        46, 48 or 50 rows a day. A slot of the hour that comes twice in autumn has the features of its clock time.
    """
    grid = to_grid(documents, until=max(days))
    named = variables(grid, weather=weather)
    by_day = {document["day"]: document for document in documents}
    clocks = [clock_half_hours(day) for day in days]
    parts = [_rows(named, grid, day, clock) for day, clock in zip(days, clocks, strict=True)]
    lengths = [len(clock) for clock in clocks]
    targets = [
        slots_of(by_day.get(day.isoformat()), LOAD, slots=length)
        for day, length in zip(days, lengths, strict=True)
    ]
    return FeatureMatrix(
        columns=(*named, HALF_HOUR),
        values=np.concatenate(parts),
        target_w=np.concatenate(targets),
        days=np.repeat(np.array(days, dtype="datetime64[D]"), lengths),
        slots=np.concatenate([np.arange(1, length + 1) for length in lengths]),
        half_hours=np.concatenate(clocks),
    )


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
    products = (held[:, :, None] * basis[:, None, :]).reshape(len(held), -1)
    crossed = [f"{name}:{part}" if part else name for name in names for part in basis_names]
    return replace(
        matrix,
        columns=(*crossed, *basis_names[1:]),
        values=np.concatenate([products, basis[:, 1:]], axis=1),
    )


def _rows(named: dict[str, Grid], grid: DayGrid, day: date, clock: NDArray[np.int64]) -> Grid:
    row = grid.row_of(day)
    if row < 0:
        return np.full((len(clock), len(named) + 1), np.nan)
    columns = [values[row, clock] for values in named.values()]
    return np.stack([*columns, clock.astype(np.float64)], axis=1)


def _day_harmonics(half_hours: NDArray[np.int64], harmonics: int) -> tuple[list[str], Grid]:
    """Give the constant, under an empty name, and the pairs of cosine and sine."""
    angle = 2 * np.pi * (half_hours + 0.5) / CLOCK_HALF_HOURS
    names, columns = [""], [np.ones(len(half_hours))]
    for k in range(1, harmonics + 1):
        names += [f"day_cos_{k}", f"day_sin_{k}"]
        columns += [np.cos(k * angle), np.sin(k * angle)]
    return names, np.stack(columns, axis=1)
