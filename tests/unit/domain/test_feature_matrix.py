"""Rows kept, and variables that a linear model weighs by the time of day."""

from datetime import date

import numpy as np

from courant.domain.feature_matrix import FeatureMatrix, by_slot

MONDAY = np.datetime64(date(2026, 1, 5))


def matrix() -> FeatureMatrix:
    """Give three rows of Monday and Tuesday; the second lacks a feature, the third its target."""
    return FeatureMatrix(
        columns=("load_1d_w", "clock_half_hour"),
        values=np.array([[100.0, 0], [np.nan, 24], [300.0, 47]]),
        target_w=np.array([110.0, 220.0, np.nan]),
        days=np.array([MONDAY, MONDAY, MONDAY + 1]),
        slots=np.array([1, 25, 48]),
        half_hours=np.array([0, 24, 47]),
    )


def test_a_forecast_needs_its_features_and_training_its_target_too() -> None:
    assert matrix().complete().slots.tolist() == [1, 48]
    assert matrix().trainable().slots.tolist() == [1]


def test_both_ends_of_a_span_of_days_are_kept() -> None:
    assert matrix().between(date(2026, 1, 5), date(2026, 1, 5)).slots.tolist() == [1, 25]
    assert matrix().between(date(2026, 1, 6), date(2026, 1, 9)).slots.tolist() == [48]


def test_by_slot_multiplies_each_variable_with_harmonics_of_the_day() -> None:
    crossed = by_slot(matrix(), harmonics=1)

    assert crossed.columns == (
        "load_1d_w", "load_1d_w:day_cos_1", "load_1d_w:day_sin_1", "day_cos_1", "day_sin_1",
    )  # fmt: skip
    angle = 2 * np.pi * 47.5 / 48  # the middle of the last half hour
    np.testing.assert_allclose(
        crossed.values[2], [300, 300 * np.cos(angle), 300 * np.sin(angle), np.cos(angle), np.sin(angle)]
    )
