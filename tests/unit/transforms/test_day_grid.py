"""Documents laid out by day and half hour of the clock."""

from datetime import date

import numpy as np
import pytest
from feature_documents import days_from, document, documents_of

from courant.transforms.day_grid import to_grid

SPRING, AUTUMN = date(2026, 3, 29), date(2025, 10, 26)


def test_a_day_without_a_document_is_a_gap_and_the_grid_reaches_the_last_day_asked_for() -> None:
    found = documents_of([date(2026, 1, 7), date(2026, 1, 5)], load_w=lambda day, _: float(day.day))

    grid = to_grid(found, until=date(2026, 1, 8))

    assert grid.days == tuple(days_from(date(2026, 1, 5), 4))
    np.testing.assert_array_equal(grid.fields["load_w"][:, 0], [5.0, np.nan, 7.0, np.nan])
    assert grid.row_of(date(2026, 1, 7)) == 2


def test_the_skipped_hour_lies_on_a_line_and_the_repeated_one_has_its_mean() -> None:
    spring = document(SPRING, load_w=[float(i) for i in (0, 1, 2, 3, *range(6, 48))])
    autumn = document(AUTUMN, load_w=[0.0, 1.0, 2.0, 3.0, 40.0, 50.0, 60.0, 70.0, *map(float, range(6, 48))])

    ahead, back = to_grid([spring], until=SPRING), to_grid([autumn], until=AUTUMN)

    assert ahead.fields["load_w"][0].tolist() == list(range(48))
    assert back.fields["load_w"][0].tolist() == [0, 1, 2, 3, 50, 60, *range(6, 48)]


def test_few_missing_half_hours_lie_on_a_line_and_a_day_that_lacks_more_stays_a_gap() -> None:
    load = [float(i) for i in range(48)]
    short = document(date(2026, 1, 5), load_w=[*load[:10], None, None, *load[12:47], None])
    long = document(date(2026, 1, 6), load_w=[*load[:10], *[None] * 5, *load[15:]])

    found = to_grid([short, long], until=date(2026, 1, 6)).fields["load_w"]

    assert found[0].tolist() == [*load[:47], 46.0]  # the last holds: the next day has not begun
    assert np.flatnonzero(np.isnan(found[1])).tolist() == [10, 11, 12, 13, 14]


def test_a_field_of_which_nothing_is_known_is_left_out() -> None:
    day = date(2026, 1, 5)
    found = document(
        day, load_w=[1.0] * 48, pseudo_rayonnement=[None] * 48, temperature_reelle_lissee=[2.0] * 48
    )

    assert set(to_grid([found], until=day).fields) == {"load_w", "temperature_reelle_lissee"}


def test_two_series_or_a_day_twice_is_refused() -> None:
    day = date(2026, 1, 5)
    one = document(day, load_w=[1.0] * 48)
    with pytest.raises(ValueError, match="of one series were expected, found none"):
        to_grid([], until=day)
    with pytest.raises(ValueError, match=r"found \['balance', 'other'\]"):
        to_grid([one, one | {"series": "other"}], until=day)
    with pytest.raises(ValueError, match="series balance has 2 documents for 1 days"):
        to_grid([one, one], until=day)
