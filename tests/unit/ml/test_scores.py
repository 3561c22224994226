"""Errors of a forecast, on figures that one can check by hand."""

import numpy as np
import pytest

from courant.ml.scores import mae, mape, r2, rmse

ACTUAL, FORECAST = np.array([100.0, 200.0, 300.0]), np.array([110.0, 180.0, 300.0])


def test_each_score_of_three_values() -> None:
    assert rmse(ACTUAL, FORECAST) == pytest.approx(((100 + 400 + 0) / 3) ** 0.5)
    assert mae(ACTUAL, FORECAST) == pytest.approx(10)
    assert mape(ACTUAL, FORECAST) == pytest.approx((10 + 10 + 0) / 3)
    assert r2(ACTUAL, FORECAST) == pytest.approx(1 - 500 / 20_000)


def test_what_was_zero_has_no_percentage() -> None:
    assert mape(np.array([0.0, 100.0]), np.array([5.0, 150.0])) == 50


def test_nothing_but_zeros_has_no_percentage_and_no_variance() -> None:
    assert np.isnan(mape(np.zeros(2), np.ones(2)))
    assert np.isnan(r2(np.ones(2), np.zeros(2)))
