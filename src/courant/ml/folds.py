"""Folds in time by whole days: a model is judged on days that come after all that it learnt from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product

import numpy as np
from numpy.typing import NDArray

from courant.domain.feature_matrix import FeatureMatrix

FOLDS, FOLD_DAYS = 2, 14  # a backtest of the last four weeks
LEARN_DAYS = 28  # before the first fold, beside the days that their features look back on


@dataclass(frozen=True)
class Fold:
    """Learn from every day up to `train_until`, judge on the days from `first` to `last`."""

    train_until: date
    first: date
    last: date

    def train(self, rows: FeatureMatrix) -> FeatureMatrix:
        """Give the rows to learn from."""
        return rows.between(date.min, self.train_until).trainable()

    def test(self, rows: FeatureMatrix) -> FeatureMatrix:
        """Give the rows to judge on."""
        return rows.between(self.first, self.last).trainable()


def last_folds(last: date, *, folds: int, days: int) -> list[Fold]:
    """Cut the last days into folds of so many days each, the oldest first, without a gap or an overlap."""
    firsts = [last - timedelta(days=days * k - 1) for k in range(folds, 0, -1)]
    one = timedelta(days=1)
    return [Fold(first - one, first, first + timedelta(days=days) - one) for first in firsts]


def folds_within(rows: FeatureMatrix) -> list[Fold]:
    """Cut the last weeks that are known into `FOLDS` of `FOLD_DAYS`, and keep those that can be learnt and judged.

    Returns
    -------
    list of Fold
        Each has `LEARN_DAYS` known days before it, and a known one within it.
    """
    known = [day.item() for day in np.unique(rows.trainable().days)]
    if not known:
        return []
    return [fold for fold in last_folds(known[-1], folds=FOLDS, days=FOLD_DAYS) if _is_possible(fold, known)]


def _is_possible(fold: Fold, known: Sequence[date]) -> bool:
    before = sum(day <= fold.train_until for day in known)
    return before >= LEARN_DAYS and any(fold.first <= day <= fold.last for day in known)


def block_numbers(rows: FeatureMatrix, *, blocks: int) -> NDArray[np.int64]:
    """Cut the rows' days, in their order, into blocks of nearly equal length, and give each row its block's number."""
    days = np.unique(rows.days)
    return np.asarray(np.searchsorted(days, rows.days) * blocks // len(days), dtype=np.int64)


def grid_of(choices: Mapping[str, Sequence[float]]) -> Iterator[dict[str, float]]:
    """Give every combination of the choices."""
    for values in product(*choices.values()):
        yield dict(zip(choices, values, strict=True))
