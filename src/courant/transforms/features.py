"""Documents of `features_daily` become the matrix that a day-ahead model of half hours is fitted on.

A row is made at the midnight in Paris that its day begins with: nothing of the day itself is read but the target, the
calendar, and, with the weather known, a forecast of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
from numpy.typing import NDArray

from courant.domain.calendar import clock_half_hours
from courant.domain.feature_matrix import HALF_HOUR, FeatureMatrix, Grid
from courant.transforms.day_grid import LOAD, DayGrid, Document, slots_of, to_grid
from courant.transforms.day_variables import Weather, variables


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


def _rows(named: dict[str, Grid], grid: DayGrid, day: date, clock: NDArray[np.int64]) -> Grid:
    row = grid.row_of(day)
    if row < 0:
        return np.full((len(clock), len(named) + 1), np.nan)
    columns = [values[row, clock] for values in named.values()]
    return np.stack([*columns, clock.astype(np.float64)], axis=1)
