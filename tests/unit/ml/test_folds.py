"""Folds of whole days, each after all that is learnt from."""

from datetime import date, timedelta

import numpy as np

from courant.domain.feature_matrix import FeatureMatrix
from courant.ml.folds import Fold, block_numbers, folds_within, grid_of, last_folds

FIRST = date(2026, 1, 1)


def rows(days: int, slots: int = 2) -> FeatureMatrix:
    """Give days of two slots, whose target is the day's number."""
    numbers = np.repeat(np.arange(days), slots)
    return FeatureMatrix(
        columns=("load_similar_w",),
        values=np.ones((days * slots, 1)),
        target_w=numbers.astype(float),
        days=np.datetime64(FIRST) + numbers,
        slots=np.tile(np.arange(1, slots + 1), days),
        half_hours=np.tile(np.arange(slots), days),
    )


def test_the_last_days_are_cut_without_a_gap_or_an_overlap() -> None:
    assert last_folds(date(2026, 1, 31), folds=2, days=7) == [
        Fold(date(2026, 1, 17), date(2026, 1, 18), date(2026, 1, 24)),
        Fold(date(2026, 1, 24), date(2026, 1, 25), date(2026, 1, 31)),
    ]


def test_a_fold_learns_from_all_days_before_it_and_from_none_of_its_own() -> None:
    for fold in last_folds(FIRST + timedelta(days=29), folds=3, days=4):
        train, test = fold.train(rows(30)), fold.test(rows(30))

        assert train.days.max() + 1 == test.days.min() == np.datetime64(fold.first)
        assert train.days.min() == np.datetime64(FIRST)
        assert len(np.unique(test.days)) == 4
        assert len(test.slots) == 8


def test_blocks_are_whole_days_in_their_order() -> None:
    assert block_numbers(rows(7), blocks=3).tolist() == [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]


def test_a_grid_is_every_combination() -> None:
    assert list(grid_of({"depth": [3, 5], "rate": [0.1]})) == [
        {"depth": 3, "rate": 0.1},
        {"depth": 5, "rate": 0.1},
    ]


def known(*days: int) -> FeatureMatrix:
    """Give those days of the first hundred, by their numbers from 0."""
    every = rows(100)
    return every.take(np.isin(every.target_w, days))


def test_two_fortnights_are_judged_where_four_weeks_lie_before_them() -> None:
    assert [fold.first for fold in folds_within(known(*range(56)))] == [date(2026, 1, 29), date(2026, 2, 12)]
    assert [fold.first for fold in folds_within(known(*range(55)))] == [date(2026, 2, 11)]
    assert [fold.last for fold in folds_within(known(*range(42)))] == [date(2026, 2, 11)]
    assert folds_within(known(*range(41))) == []
    assert folds_within(known()) == []


def test_a_fortnight_of_which_no_day_is_known_is_not_judged() -> None:
    [found] = folds_within(
        known(*range(60), *range(80, 90))
    )  # the 14 days before day 76 are all but 4 unknown

    assert (found.first, found.last) == (date(2026, 3, 18), date(2026, 3, 31))
