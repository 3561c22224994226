"""Who competes, who wins, and which engine is chosen."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from courant.batch.train_models import Contest
from courant.domain.feature_matrix import FeatureMatrix
from courant.errors import JobError
from courant.ml.backtest import Backtest
from courant.ml.contest import Judged, Recipe, judge, recipes
from courant.ml.engine_choice import choose_engine
from courant.ml.engines.sklearn import SklearnRidge
from courant.ml.forecasters import SeasonalNaive
from courant.ml.measure import Measured
from courant.ml.watched_run import Phase

HALF_HOURS = np.tile(np.arange(48), 2)


def judged(name: str, error_percent: float) -> Judged:
    actual = np.full(96, 100.0)
    found = Backtest(actual, actual + error_percent, HALF_HOURS, np.zeros(96, dtype=int))
    return Judged(Recipe(name, lambda: SeasonalNaive(days=1), None), {"balance": found})


@pytest.mark.parametrize(
    ("champion", "errors", "in_order"),
    [
        (None, {"a": 3.0, "b": 2.0}, ["b", "a"]),
        (None, {"a": 3.0}, ["a"]),
        ("a", {"a": 2.01, "b": 2.0}, ["a", "b"]),  # better by less than 1 %
        ("a", {"a": 2.03, "b": 2.0}, ["b", "a"]),
        ("a", {"a": 1.0, "b": 2.0, "c": 1.5}, ["a", "c", "b"]),
        ("b", {"a": 1.0, "b": 1.005, "c": 1.5}, ["b", "a", "c"]),
        ("gone", {"a": 3.0, "b": 2.0}, ["b", "a"]),
    ],
)
def test_a_champion_stays_unless_another_is_better_by_more_than_the_margin(
    champion: str | None, errors: dict[str, float], in_order: list[str]
) -> None:
    found = Contest([judged(name, error) for name, error in errors.items()], {}, {}, champion)

    assert found.champion.recipe.name == in_order[0]
    assert [one.recipe.name for one in found.in_order] == in_order
    assert found.is_promoted == (champion is not None and in_order[0] != champion)


def rising(days: int) -> FeatureMatrix:
    """Give days of 48 slots whose load rises by 1 W a day from 1,000 W on."""
    numbers = np.repeat(np.arange(days, dtype=float), 48)
    load = 1_000 + numbers
    return FeatureMatrix(
        columns=("load_1d_w", "load_7d_w"),
        values=np.stack([np.where(numbers >= k, load - k, np.nan) for k in (1, 7)], axis=1),
        target_w=load,
        days=np.datetime64(date(2026, 1, 1)) + numbers.astype(int),
        slots=np.tile(np.arange(1, 49), days),
        half_hours=np.tile(np.arange(48), days),
    )


def test_every_recipe_is_judged_on_every_series() -> None:
    contenders = {one.name: one for one in recipes(SklearnRidge, None) if one.name.startswith("same_slot")}

    found = judge(contenders, {}, [("north", rising(70)), ("south", rising(80))])

    assert [(one.recipe.name, sorted(one.by_series)) for one in found] == [
        ("same_slot_1d_ago", ["north", "south"]),
        ("same_slot_7d_ago", ["north", "south"]),
    ]
    assert [one.whole.scores()["mae"] for one in found] == [1, 7]


def test_a_series_with_too_few_days_judges_nothing_and_the_others_go_on() -> None:
    contenders = {one.name: one for one in recipes(SklearnRidge, None) if one.name == "same_slot_1d_ago"}

    [found] = judge(contenders, {}, [("short", rising(40)), ("north", rising(70))])

    assert list(found.by_series) == ["north"]
    assert judge(contenders, {}, [("short", rising(40))]) == []


def test_without_a_session_the_trees_of_spark_do_not_compete() -> None:
    assert [one.name for one in recipes(SklearnRidge, None)] == [
        "same_slot_1d_ago", "same_slot_7d_ago", "ridge", "sklearn_boosting",
    ]  # fmt: skip


def test_a_search_gives_the_penalty_that_errs_least() -> None:
    ridge = next(one for one in recipes(SklearnRidge, None) if one.name == "ridge")
    assert ridge.search is not None

    tried = ridge.search(rising(80))

    assert tried[0] == {"alpha": 10.0}  # a line is learnt best with the least penalty
    assert len(tried) == 3


def measured(engine: str, *seconds: float, failure: str | None = None) -> Measured:
    phases = dict(
        zip(("session", "load", "fit_cold", "fit"), (Phase(s, s, None) for s in seconds), strict=False)
    )
    return Measured(engine, "ridge", 1, 1, 1, 1, phases, 1.0, None, failure)


def test_the_engine_is_the_one_that_is_first_from_nothing_however_quick_another_is_when_warm() -> None:
    assert choose_engine([measured("spark", 10, 1, 1, 0.1), measured("dask", 3, 1, 4, 4)]) == "dask"


def test_an_engine_that_failed_is_not_chosen_and_where_all_failed_it_is_said_why() -> None:
    failed = measured("dask", 1, failure="needed more than 1 MB, in load")

    assert choose_engine([measured("spark", 10, 1, 1, 1), failed]) == "spark"
    with pytest.raises(JobError, match="dask needed more than 1 MB, in load"):
        choose_engine([failed])
