"""What the daily model learns from: the series of a data set, as MongoDB has them at this moment."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import numpy as np

from courant.domain.feature_matrix import CLOCK_HALF_HOURS, FeatureMatrix
from courant.errors import NotEnoughDataError
from courant.ml.engines.interface import Array
from courant.ml.folds import FOLD_DAYS, LEARN_DAYS, folds_within
from courant.ml.segments import to_shapes
from courant.stores.mongo import Document, MongoDatabase
from courant.stores.mongo_features import list_series, read_features
from courant.transforms.day_grid import FIELDS, LOAD, to_grid, until_whole
from courant.transforms.day_variables import HISTORY_DAYS, Weather
from courant.transforms.features import to_features

ENDED = timedelta(
    days=7
)  # a series that is so far behind the newest is over, and no forecast of it is wanted
NEEDED_DAYS = HISTORY_DAYS + LEARN_DAYS + FOLD_DAYS
_MEANINGFUL = ("day", "series", *FIELDS)
_WEATHER = FIELDS[1:]


@dataclass(frozen=True)
class LearningSeries:
    """A series up to its last whole day."""

    name: str
    documents: Sequence[Document]  # of `features_daily`, by day

    @property
    def last_day(self) -> date:
        """The day before the one that is forecast."""
        return date.fromisoformat(self.documents[-1]["day"])

    @property
    def has_weather(self) -> bool:
        """Whether a forecast of the weather could make a difference."""
        values = (document.get(name) or () for document in self.documents for name in _WEATHER)
        return any(value is not None for one in values for value in one)

    def rows(self, weather: Weather) -> FeatureMatrix:
        """Give the rows of all its days."""
        first = date.fromisoformat(self.documents[0]["day"])
        days = [first + timedelta(days=k) for k in range((self.last_day - first).days + 1)]
        return to_features(self.documents, days=days, weather=weather)

    def next_rows(self) -> FeatureMatrix:
        """Give the rows of the first day that is not known yet, its weather unknown."""
        return to_features(self.documents, days=[self.last_day + timedelta(days=1)], weather="unknown")


@dataclass(frozen=True)
class LearningData:
    """A data set's series, by name."""

    dataset: str
    series: Sequence[LearningSeries]  # with enough days to learn and to judge
    not_ready: Mapping[str, str]  # the others, with the reason
    shapes: Mapping[str, Array]  # by series: (whole days, 48), each day's load as shares of its mean

    @property
    def longest(self) -> LearningSeries:
        """The series with the most days."""
        return max(self.series, key=lambda one: len(one.documents))

    @property
    def why_not(self) -> str:
        """The reason of the first series that is not ready."""
        return next(iter(self.not_ready.values()), "no day")

    @property
    def all_shapes(self) -> Array:
        """The shapes of all series behind one another; (0, 48) where there is none."""
        return np.concatenate([np.empty((0, CLOCK_HALF_HOURS)), *self.shapes.values()])

    @cached_property
    def fingerprint(self) -> str:
        """A hash of all that is learnt from: the same data gives the same."""
        digest = hashlib.sha256()
        for one in self.series:
            for document in one.documents:
                named = {name: document.get(name) for name in _MEANINGFUL}
                digest.update(json.dumps(named, sort_keys=True).encode())
        return digest.hexdigest()

    def each(self, weather: Weather) -> Iterator[tuple[str, FeatureMatrix]]:
        """Make the rows of one series after another: all at once may be more than the memory holds."""
        for one in self.series:
            yield one.name, one.rows(weather)


def read_learning_data(database: MongoDatabase, dataset: str, *, until: date | None = None) -> LearningData:
    """Read all series of a data set; days that are not whole yet at the end of one are left out.

    Parameters
    ----------
    until
        The last day that counts as known; all that are, if left out.
    """
    last = until.isoformat() if until else "9"
    series, not_ready, shapes = [], {}, {}
    for found in list_series(database, [dataset]):
        known = [document for document in read_features(database, found.name) if document["day"] <= last]
        one = LearningSeries(found.name, until_whole(known))
        if one.documents:
            shapes[one.name] = to_shapes(to_grid(one.documents, until=one.last_day).fields[LOAD])
        if reason := _not_ready(one):
            not_ready[found.name] = reason
        else:
            series.append(one)
    newest = max((one.last_day for one in series), default=date.min)
    ended = {one.name: f"no day after {one.last_day}" for one in series if newest - one.last_day > ENDED}
    going_on = [one for one in series if one.name not in ended]
    return LearningData(dataset, going_on, not_ready | ended, shapes)


def not_enough(found: Sequence[LearningData]) -> NotEnoughDataError:
    """Say how many days are needed, and what there is."""
    there = "; ".join(f"{one.dataset} has {one.why_not}" for one in found)
    return NotEnoughDataError(
        f"The daily model needs {NEEDED_DAYS} whole days of a series in MongoDB, without a gap in the last weeks"
        f" ({HISTORY_DAYS} that features look back on, {LEARN_DAYS} to learn from, {FOLD_DAYS} to judge by): {there}",
        remedy="ingest more files (`courant replay`, `courant ingest --drain`), then `courant publish`",
    )


def _not_ready(series: LearningSeries) -> str | None:
    """Say why a series cannot be forecast; None if it can."""
    there = f"{len(series.documents)} whole days"
    if len(series.documents) < NEEDED_DAYS:
        return there
    rows, following = series.rows("unknown"), series.next_rows()
    if not folds_within(rows):
        return f"{there} with gaps: {len(np.unique(rows.trainable().days))} can be learnt from"
    if len(following.complete().slots) < len(following.slots):
        unknown = [name for name in following.columns if np.isnan(following.column(name)).any()]
        return (
            f"{there} up to {series.last_day}, and a gap in what the next looks back on: {', '.join(unknown)}"
        )
    return None
