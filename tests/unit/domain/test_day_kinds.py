"""Which days a load forecaster tells apart."""

from datetime import date

import pytest

from courant.domain.day_kinds import DayGroup, DayKind, day_group, day_kind, is_ordinary


@pytest.mark.parametrize(
    ("day", "kind", "group"),
    [
        (date(2023, 5, 3), DayKind.WEDNESDAY, DayGroup.WORKING),
        (date(2023, 5, 6), DayKind.SATURDAY, DayGroup.SATURDAY),
        (date(2023, 5, 7), DayKind.SUNDAY, DayGroup.SUNDAY),
        (date(2023, 5, 8), DayKind.HOLIDAY, DayGroup.SUNDAY),
        (date(2023, 11, 11), DayKind.HOLIDAY, DayGroup.SUNDAY),  # a Saturday
        (date(2023, 5, 19), DayKind.BRIDGE, DayGroup.WORKING),  # the Friday after Ascension
        (date(2023, 8, 14), DayKind.BRIDGE, DayGroup.WORKING),  # the Monday before 15 August
        (date(2023, 8, 16), DayKind.WEDNESDAY, DayGroup.WORKING),
        (date(2023, 12, 27), DayKind.YEAR_END, DayGroup.WORKING),
        (date(2023, 12, 30), DayKind.SATURDAY, DayGroup.SATURDAY),
        (date(2024, 1, 2), DayKind.YEAR_END, DayGroup.WORKING),
        (date(2024, 1, 3), DayKind.WEDNESDAY, DayGroup.WORKING),
    ],
)
def test_each_day_has_one_kind_and_one_group(day: date, kind: DayKind, group: DayGroup) -> None:
    assert (day_kind(day), day_group(day)) == (kind, group)


def test_only_what_its_weekday_usually_is_is_ordinary() -> None:
    days = [date(2023, 12, d) for d in range(20, 32)]

    assert [day.day for day in days if is_ordinary(day)] == [20, 21, 22, 23, 24, 30, 31]
