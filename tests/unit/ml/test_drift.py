"""Drift is found where there is some, and hardly ever where there is none, however long the weather lasts."""

from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np
import pytest

from courant.ml.drift import (
    Feature,
    FeatureDrift,
    days_needed,
    find_drift,
    holm,
    ks_statistic,
    memory_days,
    psi,
)
from courant.ml.engines.interface import Array

DAYS, SEED, FAMILIES, FEATURES = 460, 20, 200, 12
TOLERATED = 0.05  # of families without drift


def days_until(last: date, count: int = DAYS) -> list[date]:
    return [last - timedelta(days=k) for k in reversed(range(count))]


def noise(random: np.random.Generator, memory: float, count: int = DAYS) -> Array:
    """Make a stationary AR(1) process of variance 1."""
    values = random.normal(size=count)
    for i in range(1, count):
        values[i] = memory * values[i - 1] + np.sqrt(1 - memory**2) * values[i]
    return values


def normal_of(days: list[date]) -> Array:
    """Give the part that is the same each year and each week."""
    year = np.array([day.timetuple().tm_yday for day in days]) / 365.25
    weekend = np.array([day.weekday() >= 5 for day in days])
    return np.asarray(12 - 8 * np.cos(2 * np.pi * year) - 3.0 * weekend)


def families(memory: float) -> Iterator[list[FeatureDrift]]:
    """Judge series without drift, each on a day of the year of its own; half of their features lean on one another."""
    random = np.random.default_rng([SEED, round(100 * memory)])
    for _ in range(FAMILIES):
        days = days_until(date(2024, 1, 1) + timedelta(days=int(random.integers(365))))
        shared = noise(random, memory)
        features = {
            f"feature_{i}": Feature(
                normal_of(days) + 4 * (noise(random, memory) + (i % 2) * shared) / np.sqrt(1 + i % 2)
            )
            for i in range(FEATURES)
        }
        yield find_drift(days, features)


def judged(values: Array, days: list[date], *given: Array) -> FeatureDrift:
    (found,) = find_drift(days, {"feature": Feature(values, given)})
    return found


@pytest.fixture
def days() -> list[date]:
    return days_until(date(2024, 2, 20))


@pytest.fixture
def usual(days: list[date]) -> Array:
    return normal_of(days) + 4 * noise(np.random.default_rng(SEED), 0.5)


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.8])
def test_of_series_without_drift_at_most_one_in_twenty_raises_an_alarm(memory: float) -> None:
    alarms = [any(one.is_drift for one in found) for found in families(memory)]

    assert len(alarms) == FAMILIES
    assert np.mean(alarms) <= TOLERATED, f"seed {SEED}: {sum(alarms)} of {FAMILIES} families"


def test_a_shift_is_found_and_only_in_the_feature_that_shifted(days: list[date], usual: Array) -> None:
    shifted, other = usual.copy(), normal_of(days) + noise(np.random.default_rng(1), 0.5)
    shifted[-28:] += 20

    found = find_drift(days, {"shifted": Feature(shifted), "other": Feature(other)})

    assert [(one.feature, one.is_drift) for one in found] == [("shifted", True), ("other", False)]
    assert found[0].ks > 0.9
    assert found[0].psi > 1


def test_a_load_ten_percent_higher_is_found_beside_its_temperature(days: list[date]) -> None:
    random = np.random.default_rng(SEED)
    heating = 8 + 4 * noise(random, 0.8)
    load = 45e9 + 2.4e9 * heating + 1e9 * noise(random, 0.5)
    load[-28:] *= 1.1

    assert not judged(load, days).is_drift
    assert judged(load, days, heating).is_drift


def test_weekends_are_compared_with_weekends(days: list[date]) -> None:
    weekend = np.array([day.weekday() >= 5 for day in days])
    load = 100 - 20.0 * weekend + noise(np.random.default_rng(SEED), 0.0)
    load[-28:][weekend[-28:]] += 20  # weekends like working days: the recent mean stays within the reference

    assert judged(load, days).ks == pytest.approx(8 / 28, abs=0.1)


def test_days_of_another_season_are_no_reference(days: list[date], usual: Array) -> None:
    summer = np.array([day.month in (6, 7, 8) for day in days])
    unknown = np.where(summer, np.nan, usual)

    assert judged(unknown, days) == judged(usual, days)


def test_a_constant_does_not_drift_and_leaving_it_does(days: list[date]) -> None:
    constant = np.full(len(days), 0.1)
    left = constant.copy()
    left[-28:] = 0.3

    assert judged(constant, days) == FeatureDrift("feature", 0.0, 1.0, psi=judged(constant, days).psi)
    assert judged(constant, days).psi < 0.2
    assert judged(left, days).is_drift


def test_a_feature_that_is_stuck_is_found_by_its_range(days: list[date]) -> None:
    ranges = 6 + noise(np.random.default_rng(SEED), 0.3)
    ranges[-28:] = 0

    assert judged(ranges, days).is_drift


def test_days_without_a_value_are_passed_over(days: list[date], usual: Array) -> None:
    gaps = usual.copy()
    gaps[[5, 80, -3]] = np.nan

    assert not judged(gaps, days).is_drift


def test_a_feature_with_too_few_recent_days_is_left_out(days: list[date], usual: Array) -> None:
    gone = usual.copy()
    gone[-20:] = np.nan

    assert [one.feature for one in find_drift(days, {"gone": Feature(gone), "there": Feature(usual)})] == [
        "there"
    ]


def test_a_history_without_last_years_season_is_not_judged(days: list[date], usual: Array) -> None:
    assert days_needed() == 14 + 365 + 45 + 1
    assert find_drift(days[-424:], {"feature": Feature(usual[-424:])}) == []
    assert len(find_drift(days[-425:], {"feature": Feature(usual[-425:])})) == 1


def test_holm_multiplies_the_smallest_by_their_number_and_keeps_the_order() -> None:
    assert holm(np.array([0.01, 0.5, 0.02])) == pytest.approx([0.03, 0.5, 0.04])
    assert holm(np.array([0.6, 0.5])) == pytest.approx([1.0, 1.0])


def test_the_statistic_is_the_largest_distance_of_the_distribution_functions() -> None:
    assert ks_statistic(np.array([1.0, 2.0]), np.array([3.0, 4.0])) == 1
    assert ks_statistic(np.array([1.0, 3.0]), np.array([1.0, 2.0, 3.0, 4.0])) == 0.25


def test_psi_grows_with_what_lies_in_other_quintiles() -> None:
    reference = np.arange(100.0)

    assert psi(reference[::4], reference) < 0.01
    assert psi(reference[::4] + 100, reference) > 2


def test_psi_sees_both_sides_of_a_constant() -> None:
    reference = np.zeros(100)

    assert min(psi(np.full(28, -1.0), reference), psi(np.full(28, 1.0), reference)) > 2


def test_the_memory_of_an_ar1_process_is_the_one_of_its_formula() -> None:
    values = noise(np.random.default_rng(SEED), 0.6, count=20_000)

    assert memory_days(values) == pytest.approx((1 + 0.6) / (1 - 0.6), rel=0.1)
    assert memory_days(np.zeros(100)) == 1
