"""Standardising by the rows of training alone."""

from datetime import date

import numpy as np

from courant.domain.feature_matrix import FeatureMatrix
from courant.ml.design import LinearDesign, Scale


def rows(values: list[float], target_w: list[float]) -> FeatureMatrix:
    count = len(values)
    half_hours = np.arange(count)
    return FeatureMatrix(
        columns=("load_1d_w", "is_holiday", "clock_half_hour"),
        values=np.stack([np.array(values), np.zeros(count), half_hours.astype(float)], axis=1),
        target_w=np.array(target_w),
        days=np.repeat(np.datetime64(date(2026, 1, 5)), count),
        slots=half_hours + 1,
        half_hours=half_hours,
    )


TRAIN = rows([10.0, 20.0, 60.0, 30.0], [100.0, 200.0, 300.0, 400.0])


def test_columns_and_target_of_training_have_mean_0_and_deviation_1_and_a_constant_has_no_column() -> None:
    design = LinearDesign.of(TRAIN, harmonics=1)
    x, y = design.x(TRAIN), design.y(TRAIN)

    assert design.columns(TRAIN) == (
        "load_1d_w", "load_1d_w:day_cos_1", "load_1d_w:day_sin_1", "day_cos_1", "day_sin_1",
    )  # fmt: skip
    assert x.shape == (4, 5)
    np.testing.assert_allclose(x.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(x.std(axis=0), 1)
    np.testing.assert_allclose([y.mean(), y.std()], [0, 1], atol=1e-12)
    np.testing.assert_allclose(design.power_w(y), TRAIN.target_w)


def test_the_rounding_of_a_constant_is_no_variation() -> None:
    constant = np.full((1_000, 1), 0.1)
    assert constant.std() > 0

    assert not Scale.of(constant).varies.any()
    assert not Scale.of(constant).apply(np.array([[5.0]])).any()


def test_a_forecasts_rows_are_measured_by_the_rows_of_training() -> None:
    design = LinearDesign.of(TRAIN, harmonics=1)
    both = rows([10.0, 20.0, 60.0, 30.0, 9_999.0], [0.0] * 5)

    np.testing.assert_array_equal(design.x(both)[:4], design.x(TRAIN))


def test_a_scale_comes_back_to_the_unit() -> None:
    values = np.array([[1.0, 7.0], [3.0, 7.0]])
    scale = Scale.of(values)

    assert scale.apply(values).tolist() == [[-1, 0], [1, 0]]
    assert scale.undo(scale.apply(values)).tolist() == values.tolist()
    assert scale.varies.tolist() == [True, False]
