"""Days, slots, holidays and seasons in Paris: the only place where the time zone is known.

Instants are aware datetimes; a *day* is a calendar day in Paris and holds 46, 48 or 50
half-hour slots. Nothing here accepts a naive datetime.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays
import numpy as np
import polars as pl
from numpy.typing import NDArray

PARIS = ZoneInfo("Europe/Paris")
SLOT_MINUTES = 30
WEEK = timedelta(weeks=1)
_HALF_HOUR = timedelta(minutes=SLOT_MINUTES)
SEASONS = ("winter", "spring", "summer", "autumn")  # meteorological: winter is December to February
CALENDAR_COLUMNS = ("paris_day", "slot_of_day", "weekday", "is_holiday", "season")
_YEARS_WITH_HOLIDAYS = range(1900, 2200)  # a mistyped year must not stop a stream


def require_aware(instant: datetime) -> datetime:
    """Give the instant back in UTC.

    Raises
    ------
    ValueError
        If it has no time zone: a naive datetime says nothing here.
    """
    if instant.utcoffset() is None:
        raise ValueError(f"{instant.isoformat()} has no time zone")
    return instant.astimezone(UTC)


def paris_day(instant: datetime) -> date:
    """Give the Paris day that the instant lies in."""
    return require_aware(instant).astimezone(PARIS).date()


def day_bounds_utc(day: date) -> tuple[datetime, datetime]:
    """Give a Paris day's first instant and the next day's, both in UTC."""
    midnight = datetime.combine(day, time(), PARIS)
    next_midnight = datetime.combine(day + timedelta(days=1), time(), PARIS)
    return midnight.astimezone(UTC), next_midnight.astimezone(UTC)


def slots_of_day(day: date, *, step_minutes: int = SLOT_MINUTES) -> list[datetime]:
    """Give the starts (UTC) of a Paris day's slots: 46, 48 or 50 of them at the half-hour step."""
    start, end = day_bounds_utc(day)
    step = timedelta(minutes=step_minutes)
    return [start + i * step for i in range((end - start) // step)]


def slot_of_day(instant: datetime) -> int:
    """Count the whole half hours that have passed since Paris midnight: 0 to 45, 47 or 49."""
    start, _ = day_bounds_utc(paris_day(instant))
    return (require_aware(instant) - start) // timedelta(minutes=SLOT_MINUTES)


def clock_half_hours(day: date) -> NDArray[np.int64]:
    """Give the half hour of the clock, 0 to 47, that each slot of a Paris day begins at.

    Returns
    -------
    numpy.ndarray
        As many as the day has slots. In spring 4 and 5 (02:00 to 03:00) are lacking, in autumn they come twice.
    """
    epoch_s = np.array([int(start.timestamp()) for start in slots_of_day(day)], dtype=np.int64)
    return np.rint(paris_hours(epoch_s) * 60 / SLOT_MINUTES).astype(np.int64)


def weekday(day: date) -> int:
    """Give the day of the week, from 1 (Monday) to 7 (Sunday)."""
    return day.isoweekday()


def clock_periods(first_year: int, last_year: int) -> list[tuple[datetime, datetime, int]]:
    """Give the periods between Paris's changes of the clock, for tools without a zone database.

    Returns
    -------
    list of (datetime, datetime, int)
        From the first instant of `first_year` to that after `last_year`, both in Paris: a period's first instant
        and the next one's, in UTC, and the minutes that its clocks are ahead of UTC.
    """
    first, end = day_bounds_utc(date(first_year, 1, 1))[0], day_bounds_utc(date(last_year + 1, 1, 1))[0]
    days = [date(first_year, 1, 1) + timedelta(n) for n in range((end - first).days + 1)]
    longer_or_shorter = (day for day in days if len(slots_of_day(day)) != timedelta(days=1) // _HALF_HOUR)
    changes = [start for day in longer_or_shorter for start in slots_of_day(day) if _is_change(start)]
    return [
        (start, after, _minutes_ahead(start))
        for start, after in zip([first, *changes], [*changes, end], strict=True)
    ]


def _is_change(instant: datetime) -> bool:
    return _minutes_ahead(instant) != _minutes_ahead(instant - _HALF_HOUR)


def _minutes_ahead(instant: datetime) -> int:
    offset = instant.astimezone(PARIS).utcoffset()
    assert offset is not None  # noqa: S101 - PARIS always has one
    return offset // timedelta(minutes=1)


def is_holiday(day: date) -> bool:
    """Say whether the day is a public holiday in metropolitan France."""
    return day in holidays_of(day.year)


def season(day: date) -> str:
    """Give the meteorological season, one of `SEASONS`."""
    return SEASONS[day.month % 12 // 3]


@lru_cache(maxsize=256)
def holidays_of(year: int) -> frozenset[date]:
    """Give the public holidays of metropolitan France in a year (the eleven of the labour code)."""
    return frozenset(holidays.country_holidays("FR", years=year).keys())


def paris_hours(epoch_s: NDArray[np.int64]) -> NDArray[np.float64]:
    """Give the Paris clock time, in hours from 0 to 24, of instants in seconds since 1970."""
    local = pl.from_epoch(pl.Series(epoch_s)).dt.replace_time_zone("UTC").dt.convert_time_zone(PARIS.key)
    return (local.dt.hour().cast(pl.Float64) + local.dt.minute() / 60).to_numpy()


def instant_texts(epoch_s: NDArray[np.int64], *, zone: str) -> pl.Series:
    """Write instants in seconds since 1970 as `2026-01-01T00:30:00+01:00`, with the zone's offset."""
    instants = pl.from_epoch(pl.Series(epoch_s)).dt.replace_time_zone("UTC")
    return instants.dt.convert_time_zone(zone).dt.strftime("%Y-%m-%dT%H:%M:%S%:z")


def whole_weeks_up(span: timedelta) -> timedelta:
    """Round a span up to whole weeks; at least one."""
    return max(1, -(-span // WEEK)) * WEEK


def whole_weeks_down(span: timedelta) -> timedelta:
    """Round a span down to whole weeks; it may be negative."""
    return span // WEEK * WEEK


def with_calendar(frame: pl.DataFrame, *, instant: str) -> pl.DataFrame:
    """Add `CALENDAR_COLUMNS` for a column of UTC instants; all null where the instant is.

    Returns
    -------
    polars.DataFrame
        The frame with `paris_day` (date), `slot_of_day` (0–49), `weekday` (1–7), `is_holiday`
        and `season` behind its own columns.
    """
    local = pl.col(instant).dt.convert_time_zone(PARIS.key)
    paris = frame.lazy().with_columns(
        local.dt.date().alias("paris_day"),
        ((local - local.dt.truncate("1d")).dt.total_minutes() // SLOT_MINUTES).alias("slot_of_day"),
    )
    day = pl.col("paris_day")
    return paris.with_columns(
        day.dt.weekday().alias("weekday"),
        day.is_in(_holidays_among(frame[instant])).alias("is_holiday"),
        (day.dt.month() % 12 // 3)
        .replace_strict(dict(enumerate(SEASONS)), return_dtype=pl.String)
        .alias("season"),
    ).collect()


def _holidays_among(instants: pl.Series) -> list[date]:
    """List the holidays of the years that the instants touch."""
    years = instants.dt.convert_time_zone(PARIS.key).dt.year().drop_nulls().unique()
    known = (year for year in years if year in _YEARS_WITH_HOLIDAYS)
    return sorted(day for year in known for day in holidays_of(year))
