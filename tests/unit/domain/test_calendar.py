"""Days, slots and holidays in Paris."""

import itertools
from datetime import UTC, date, datetime, timedelta, timezone

import polars as pl
import pytest

from courant.domain import calendar


@pytest.mark.parametrize(
    ("day", "slots"),
    [(date(2026, 3, 29), 46), (date(2026, 3, 28), 48), (date(2026, 10, 25), 50), (date(2026, 7, 14), 48)],
)
def test_a_day_has_46_48_or_50_slots(day: date, slots: int) -> None:
    found = calendar.slots_of_day(day)

    assert len(found) == slots
    assert [calendar.slot_of_day(slot) for slot in found] == list(range(slots))
    assert {later - earlier for earlier, later in itertools.pairwise(found)} == {timedelta(minutes=30)}
    assert {calendar.paris_day(slot) for slot in found} == {day}


def test_the_clock_skips_an_hour_in_spring_and_repeats_one_in_autumn() -> None:
    assert calendar.clock_half_hours(date(2026, 3, 28)).tolist() == list(range(48))
    assert calendar.clock_half_hours(date(2026, 3, 29)).tolist() == [0, 1, 2, 3, *range(6, 48)]
    assert calendar.clock_half_hours(date(2025, 10, 26)).tolist() == [0, 1, 2, 3, 4, 5, 4, 5, *range(6, 48)]


def test_a_day_of_quarter_hours_has_twice_as_many_slots() -> None:
    assert len(calendar.slots_of_day(date(2026, 3, 29), step_minutes=15)) == 92


def test_a_day_is_bounded_by_paris_midnights() -> None:
    assert calendar.day_bounds_utc(date(2026, 3, 29)) == (
        datetime(2026, 3, 28, 23, 0, tzinfo=UTC),
        datetime(2026, 3, 29, 22, 0, tzinfo=UTC),
    )


def test_an_instant_late_in_utc_belongs_to_the_next_paris_day() -> None:
    assert calendar.paris_day(datetime(2026, 7, 1, 22, 30, tzinfo=UTC)) == date(2026, 7, 2)
    assert calendar.slot_of_day(datetime(2026, 7, 1, 22, 30, tzinfo=UTC)) == 1


def test_the_offset_an_instant_is_written_with_does_not_matter() -> None:
    tokyo = timezone(timedelta(hours=9))

    assert calendar.slot_of_day(datetime(2026, 1, 1, 8, 30, tzinfo=tokyo)) == 1


def test_a_naive_datetime_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        calendar.paris_day(datetime(2026, 1, 1))  # noqa: DTZ001 - the point


def test_holidays_are_those_of_metropolitan_france() -> None:
    expected = {
        *(date(2026, 1, 1), date(2026, 4, 6), date(2026, 5, 1), date(2026, 5, 8), date(2026, 5, 14)),
        *(date(2026, 5, 25), date(2026, 7, 14), date(2026, 8, 15), date(2026, 11, 1), date(2026, 11, 11)),
        date(2026, 12, 25),
    }

    assert calendar.holidays_of(2026) == expected
    assert calendar.is_holiday(date(2026, 4, 6))
    assert not calendar.is_holiday(date(2026, 4, 7))


@pytest.mark.parametrize(
    ("month", "season"),
    [(12, "winter"), (2, "winter"), (3, "spring"), (8, "summer"), (9, "autumn"), (11, "autumn")],
)
def test_seasons_are_meteorological(month: int, season: str) -> None:
    assert calendar.season(date(2026, month, 15)) == season


def test_weeks_are_rounded_up_to_at_least_one_and_down_below_zero() -> None:
    week = timedelta(weeks=1)

    assert calendar.whole_weeks_up(timedelta(0)) == week
    assert calendar.whole_weeks_up(week) == week
    assert calendar.whole_weeks_up(week + timedelta(minutes=30)) == 2 * week
    assert calendar.whole_weeks_down(timedelta(days=13)) == week
    assert calendar.whole_weeks_down(timedelta(days=-1)) == -week


def test_a_column_of_instants_gets_the_same_facts_as_each_instant() -> None:
    instants = [
        slot
        for day in (date(2026, 3, 29), date(2026, 10, 25), date(2026, 7, 14))
        for slot in calendar.slots_of_day(day)
    ]
    frame = pl.DataFrame({"slot": pl.Series(instants, dtype=pl.Datetime("us", "UTC"))})

    found = calendar.with_calendar(frame, instant="slot")

    days = [calendar.paris_day(instant) for instant in instants]
    assert found["paris_day"].to_list() == days
    assert found["slot_of_day"].to_list() == [calendar.slot_of_day(instant) for instant in instants]
    assert found["weekday"].to_list() == [calendar.weekday(day) for day in days]
    assert found["is_holiday"].to_list() == [calendar.is_holiday(day) for day in days]
    assert found["season"].to_list() == [calendar.season(day) for day in days]


def test_what_is_no_instant_has_no_facts() -> None:
    frame = pl.DataFrame({"slot": pl.Series([None], dtype=pl.Datetime("us", "UTC"))})

    found = calendar.with_calendar(frame, instant="slot")

    assert found.row(0) == (None, None, None, None, None, None)


def test_a_mistyped_year_does_not_stop_a_column() -> None:
    far = datetime(9026, 1, 1, tzinfo=UTC)
    frame = pl.DataFrame({"slot": pl.Series([far], dtype=pl.Datetime("us", "UTC"))})

    assert calendar.with_calendar(frame, instant="slot")["is_holiday"].to_list() == [False]
