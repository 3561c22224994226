"""The clock and the holidays that are written into M are those of the zone database and of the calendar."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from powerbi_projects import ROOT, query_of, table_nodes

from courant.domain.calendar import clock_periods
from courant.powerbi.calendar import FIRST_YEAR, LAST_YEAR, calendar_table, slot_table
from courant.powerbi.tmdl import table_text

PARIS = ZoneInfo("Europe/Paris")
FILES = {
    f"Courant.SemanticModel/definition/{t.name}": table_text(t) for t in (calendar_table(), slot_table(30))
}


def test_the_periods_give_every_hours_time_in_paris() -> None:
    query = query_of(table_nodes(FILES)["Créneau"])
    found = re.findall(r"\{#datetime\(([\d, ]+)\), #datetime\(([\d, ]+)\), (\d+)\}", query)
    periods = [(_instant(start), _instant(after), int(ahead)) for start, after, ahead in found]

    assert periods[0][0].astimezone(PARIS) == datetime(2015, 1, 1, tzinfo=PARIS)
    assert periods[-1][1].astimezone(PARIS) == datetime(2041, 1, 1, tzinfo=PARIS)
    hours = 0
    for (start, after, ahead), following in zip(periods, [*periods[1:], None], strict=True):
        assert following is None or following[0] == after
        for passed in range((after - start) // timedelta(hours=1)):
            instant = start + timedelta(hours=passed)
            assert instant.astimezone(PARIS).utcoffset() == timedelta(minutes=ahead), instant
        hours += (after - start) // timedelta(hours=1)
    assert hours == (date(2041, 1, 1) - date(2015, 1, 1)).days * 24


def test_the_clock_changes_where_the_law_says() -> None:
    assert clock_periods(2024, 2024) == [
        (datetime(2023, 12, 31, 23, tzinfo=UTC), datetime(2024, 3, 31, 1, tzinfo=UTC), 60),
        (datetime(2024, 3, 31, 1, tzinfo=UTC), datetime(2024, 10, 27, 1, tzinfo=UTC), 120),
        (datetime(2024, 10, 27, 1, tzinfo=UTC), datetime(2024, 12, 31, 23, tzinfo=UTC), 60),
    ]


def test_each_year_has_its_eleven_holidays() -> None:
    query = query_of(table_nodes(FILES)["Calendrier"])
    (block,) = re.findall(r"Holidays = List\.Buffer\(\{(.*?)\}\)", query, re.DOTALL)
    holidays = [date(*map(int, parts)) for parts in re.findall(r"#date\((\d+), (\d+), (\d+)\)", block)]

    assert len(holidays) == len(set(holidays))
    years = [day.year for day in holidays]
    assert {year: years.count(year) for year in years} == dict.fromkeys(range(FIRST_YEAR, LAST_YEAR + 1), 11)
    assert {date(2026, 4, 6), date(2026, 5, 14), date(2026, 5, 25), date(2026, 7, 14)} <= set(holidays)


def test_the_committed_queries_are_the_ones_tested_here() -> None:
    committed = ROOT / "powerbi/Courant.SemanticModel/definition/tables"
    for table in (calendar_table(), slot_table(30)):
        assert (committed / f"{table.name}.tmdl").read_text("utf-8") == table_text(table)


def _instant(parts: str) -> datetime:
    return datetime(*map(int, parts.split(", ")), tzinfo=UTC)  # type: ignore[misc, arg-type]
