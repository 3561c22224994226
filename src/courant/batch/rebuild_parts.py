"""What rebuilds share: which Paris days they are about, how work is cut into short transactions, what they tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from courant.domain.calendar import day_bounds_utc
from courant.errors import SettingsError
from courant.stores.mysql.staging import Span


@dataclass(frozen=True, slots=True)
class Days:
    """Paris days from the first to the last, both included."""

    first: date
    last: date

    @property
    def span(self) -> Span:
        """The instants that lie in them."""
        return Span(day_bounds_utc(self.first)[0], day_bounds_utc(self.last)[1])

    def __iter__(self) -> Iterator[date]:
        return (self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1))


@dataclass(frozen=True, slots=True)
class RebuildRun:
    """What one rebuild did for one data set."""

    dataset: str
    rows: int  # rows that were made anew; records that were loaded, where the layer is MySQL
    rejects: int  # rejects that were made anew; restored, where the layer is MySQL
    seconds: float


def days_between(first: date | None, last: date | None) -> Days | None:
    """Read a range of days; one of both alone is that day, none of them is everything.

    Raises
    ------
    SettingsError
        If the last day is before the first.
    """
    start, end = first or last, last or first
    if start is None or end is None:
        return None
    if end < start:
        raise SettingsError(f"--to {end} is before --from {start}", remedy="give the earlier day first")
    return Days(start, end)


def cut(span: Span, rows_by_day: Mapping[date, int], *, at_most: int) -> list[Span]:
    """Cut a span at UTC midnights into spans that adjoin, of at most so many rows, or of one day.

    Parameters
    ----------
    rows_by_day
        How many rows each UTC day has; the days lie in the span.
    """
    edges, rows = [span.start], 0
    for day, more in sorted(rows_by_day.items()):
        if rows and rows + more > at_most:
            edges.append(datetime.combine(day, time(), UTC))
            rows = 0
        rows += more
    return [Span(start, end) for start, end in zip(edges, [*edges[1:], span.end], strict=True)]
