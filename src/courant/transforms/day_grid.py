"""Documents of `features_daily` become arrays of days by 48 half hours of the clock, without a gap between days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from courant.domain.calendar import clock_half_hours
from courant.domain.feature_matrix import CLOCK_HALF_HOURS, Grid

LOAD = "load_w"
FILLED_HALF_HOURS = 4  # a day that lacks no more of a field is whole: the rest of the day says what they were
TEMPERATURE, NORMAL_TEMPERATURE, RADIATION = (
    "temperature_reelle_lissee",
    "temperature_normale_lissee",
    "pseudo_rayonnement",
)
FIELDS = (LOAD, TEMPERATURE, NORMAL_TEMPERATURE, RADIATION)

Document = Mapping[str, Any]
D = TypeVar("D", bound=Document)


@dataclass(frozen=True)
class DayGrid:
    """A series by day and half hour of the clock; NaN where nothing is known."""

    series: str
    days: tuple[date, ...]  # every day from the first to the last
    fields: Mapping[str, Grid]  # (days, 48) each; a field of which the documents know nothing is left out
    # A few missing half hours lie on a line between their neighbours of the day; a day that lacks more is a gap.

    def row_of(self, day: date) -> int:
        """Give the index of a day; negative, or beyond the last, for a day outside the grid."""
        return (day - self.days[0]).days


def to_grid(documents: Sequence[Document], *, until: date) -> DayGrid:
    """Lay out the documents of one series.

    Parameters
    ----------
    documents
        As they are in MongoDB, in any order: `day`, `series`, and an array by slot for each of `FIELDS`, null where
        the slot has no value. A weather field may be absent.
    until
        The last day that the grid must reach, whether or not it has a document.

    Raises
    ------
    ValueError
        If there is no document, or if they are of several series or have a day twice.
    """
    series = {str(document["series"]) for document in documents}
    if len(series) != 1:
        raise ValueError(f"documents of one series were expected, found {sorted(series) or 'none'}")
    by_day = {date.fromisoformat(document["day"]): document for document in documents}
    if len(by_day) != len(documents):
        raise ValueError(f"series {series.pop()} has {len(documents)} documents for {len(by_day)} days")
    first, last = min(by_day), max(*by_day, until)
    days = tuple(first + timedelta(days=i) for i in range((last - first).days + 1))
    clocks = [clock_half_hours(day) for day in days]
    fields = {name: _field(by_day, days, clocks, name) for name in FIELDS}
    known = {name: grid for name, grid in fields.items() if name == LOAD or not np.isnan(grid).all()}
    return DayGrid(series.pop(), days, known)


def slots_of(document: Document | None, name: str, *, slots: int) -> Grid:
    """Give a field of a day's document by slot; all NaN where the document or the field is absent."""
    values = None if document is None else document.get(name)
    if values is None:
        return np.full(slots, np.nan)
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _field(
    by_day: Mapping[date, Document], days: Sequence[date], clocks: Sequence[NDArray[np.int64]], name: str
) -> Grid:
    found = (
        slots_of(by_day.get(day), name, slots=len(clock)) for day, clock in zip(days, clocks, strict=True)
    )
    return np.stack(
        [_filled(_on_the_clock(values, clock)) for values, clock in zip(found, clocks, strict=True)]
    )


def _on_the_clock(values: Grid, clock: NDArray[np.int64]) -> Grid:
    """Give a day's 48 values: an hour that comes twice has its mean, one that is skipped lies on a line across it."""
    counts = np.bincount(clock, minlength=CLOCK_HALF_HOURS)
    means = np.bincount(clock, weights=values, minlength=CLOCK_HALF_HOURS) / np.maximum(counts, 1)
    there = np.flatnonzero(counts)
    skipped = np.flatnonzero(counts == 0)
    means[skipped] = np.interp(skipped, there, means[there])
    return means


def _filled(values: Grid) -> Grid:
    """Fill a day's short gaps from the day alone: what comes after its midnight is not known when it ends."""
    missing = np.isnan(values)
    if not 0 < missing.sum() <= FILLED_HALF_HOURS:
        return values
    at = np.arange(len(values))
    return np.where(missing, np.interp(at, at[~missing], values[~missing]), values)


def until_whole(documents: Sequence[D]) -> list[D]:
    """Leave out the last days, by day, until one has its load in every slot: those that are not over yet."""
    kept = list(documents)
    while kept and any(value is None for value in kept[-1].get(LOAD) or [None]):
        kept.pop()
    return kept
