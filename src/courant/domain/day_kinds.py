"""What kind of day a Paris day is to a load forecaster: a weekday, a holiday, or one of the days that lean on them."""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum

from courant.domain.calendar import is_holiday, weekday

_ONE = timedelta(days=1)
_MONDAY, _FRIDAY, _SATURDAY = 1, 5, 6


class DayKind(StrEnum):
    """The kinds; the first seven are ordinary days."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"
    HOLIDAY = "holiday"
    BRIDGE = "bridge"  # a Friday after a holiday, a Monday before one
    YEAR_END = "year_end"  # a working day between Christmas Eve and 2 January


class DayGroup(StrEnum):
    """Days whose load has the same shape."""

    WORKING = "working"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


_WEEK = tuple(DayKind)[:7]


def day_kind(day: date) -> DayKind:
    """Give the kind of a day; a holiday is one on whatever weekday it falls."""
    if is_holiday(day):
        return DayKind.HOLIDAY
    if is_bridge(day):
        return DayKind.BRIDGE
    if weekday(day) < _SATURDAY and _is_at_years_end(day):
        return DayKind.YEAR_END
    return _WEEK[weekday(day) - 1]


def is_bridge(day: date) -> bool:
    """Say whether many take this day off because it lies between a holiday and a weekend."""
    if is_holiday(day):
        return False
    after, before = is_holiday(day - _ONE), is_holiday(day + _ONE)
    return (weekday(day) == _FRIDAY and after) or (weekday(day) == _MONDAY and before)


def is_ordinary(day: date) -> bool:
    """Say whether the day is what its weekday usually is: no holiday, bridge or year's end."""
    return day_kind(day) in _WEEK


def day_group(day: date) -> DayGroup:
    """Give the group whose shape the day's load has: a holiday's is a Sunday's, a bridge's a working day's."""
    kind = day_kind(day)
    if kind in (DayKind.SUNDAY, DayKind.HOLIDAY):
        return DayGroup.SUNDAY
    return DayGroup.SATURDAY if kind is DayKind.SATURDAY else DayGroup.WORKING


def _is_at_years_end(day: date) -> bool:
    return (day.month, day.day) >= (12, 24) or (day.month, day.day) <= (1, 2)
