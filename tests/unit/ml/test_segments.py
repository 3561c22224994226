"""Daily curves become shapes, and the first centres are the same for everyone."""

import numpy as np
import pytest

from courant.ml.segments import first_centres, to_shapes


def test_a_shape_has_no_size_and_a_day_that_is_not_whole_or_has_no_consumption_has_no_shape() -> None:
    curves = np.array([[1.0, 3.0], [100.0, 300.0], [np.nan, 2.0], [0.0, 0.0]])

    assert to_shapes(curves).tolist() == [[0.5, 1.5], [0.5, 1.5]]


def test_first_centres_are_different_rows_and_the_same_every_time() -> None:
    x = np.repeat(np.array([[0.0, 0.0], [5.0, 0.0], [0.0, 9.0]]), 4, axis=0)

    centres = first_centres(x, segments=3, seed=7)

    assert sorted(centres.tolist()) == [[0.0, 0.0], [0.0, 9.0], [5.0, 0.0]]
    assert first_centres(x, segments=3, seed=7).tolist() == centres.tolist()
    with pytest.raises(ValueError, match="4 segments were asked for, of 3 different rows"):
        first_centres(x, segments=4, seed=7)
