"""The calendar's file has each half hour once, with Paris's facts."""

from __future__ import annotations

from pathlib import Path

from courant.calendar_file import write_calendar


def test_a_year_has_all_its_half_hours_and_the_facts_of_paris(tmp_path: Path) -> None:
    path = tmp_path / "new" / "calendar.csv"

    assert write_calendar(path, 2026, 2026) == 17_520

    lines = path.read_text().splitlines()
    assert lines[:2] == [
        "half_hour,paris_day,slot_of_day,weekday,is_holiday,season",
        "2026-01-01T00:00:00+00:00,2026-01-01,2,4,true,winter",
    ]
    assert lines[-1] == "2026-12-31T23:30:00+00:00,2027-01-01,1,5,true,winter"
    assert "2026-10-25T22:30:00+00:00,2026-10-25,49,7,false,autumn" in lines  # 25 hours long
    assert "2026-03-29T21:30:00+00:00,2026-03-29,45,7,false,spring" in lines
    assert [one.name for one in path.parent.iterdir()] == ["calendar.csv"]
