"""Which days a rebuild is about, and where its transactions are cut."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from courant.batch.rebuild_parts import Days, cut, days_between
from courant.errors import SettingsError
from courant.stores.mysql.staging import Span

FIRST, SECOND, THIRD = date(2026, 3, 28), date(2026, 3, 29), date(2026, 3, 30)


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def test_one_end_alone_is_that_day_and_none_is_everything() -> None:
    assert days_between(FIRST, THIRD) == Days(FIRST, THIRD)
    assert days_between(FIRST, None) == days_between(None, FIRST) == Days(FIRST, FIRST)
    assert days_between(None, None) is None


def test_days_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(SettingsError, match="--to 2026-03-28 is before --from 2026-03-29"):
        days_between(SECOND, FIRST)


def test_days_are_paris_days_across_a_clock_change() -> None:
    days = Days(FIRST, SECOND)

    assert list(days) == [FIRST, SECOND]
    assert days.span == Span(
        datetime(2026, 3, 27, 23, tzinfo=UTC), datetime(2026, 3, 29, 22, tzinfo=UTC)
    )  # 24 hours and 23


@pytest.mark.parametrize(
    ("rows", "edges"),
    [
        ({}, []),
        ({FIRST: 10}, []),
        ({FIRST: 4, SECOND: 6}, []),
        ({FIRST: 5, SECOND: 6}, [SECOND]),
        ({FIRST: 50, SECOND: 1, THIRD: 1}, [SECOND]),  # a day is not cut
        ({THIRD: 6, FIRST: 6, SECOND: 6}, [SECOND, THIRD]),
    ],
)
def test_spans_adjoin_and_are_cut_between_days_that_together_have_too_many_rows(
    rows: dict[date, int], edges: list[date]
) -> None:
    whole = Span(None, datetime(2026, 4, 1, tzinfo=UTC))

    spans = cut(whole, rows, at_most=10)

    assert [span.start for span in spans] == [None, *map(midnight, edges)]
    assert [span.end for span in spans] == [*map(midnight, edges), whole.end]
