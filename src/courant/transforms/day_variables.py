"""What a day-ahead model knows of each half hour at midnight: load and weather before it, the calendar, a forecast."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Literal

import numpy as np

from courant.domain.day_kinds import DayKind, day_group, day_kind, is_ordinary
from courant.domain.feature_matrix import CLOCK_HALF_HOURS, Grid
from courant.transforms.day_grid import LOAD, NORMAL_TEMPERATURE, RADIATION, TEMPERATURE, DayGrid

Weather = Literal["unknown", "known"]
HISTORY_DAYS = (
    29  # before a day's features are complete: 28 days of similar days, and the day before's own excess
)
HEATING_BELOW_DEGREES, COOLING_ABOVE_DEGREES = 15.0, 20.0

_SIMILAR_DAYS, _SIMILAR_WITHIN_DAYS = 3, 56
_EVENING = slice(40, 48)  # 20:00 to 24:00
_HARMONICS_OF_YEAR = 2
_DAYS_A_YEAR = 365.25


def variables(grid: DayGrid, *, weather: Weather) -> dict[str, Grid]:
    """Compute each variable for each day and half hour of the grid.

    Parameters
    ----------
    weather
        `known`: the day's own temperature and pseudo-rayonnement count as forecast. `unknown`: nothing of the day
        itself is read, whatever the grid has of it.

    Returns
    -------
    dict
        (days, 48) arrays by name: loads in W, temperatures in °C, pseudo-rayonnement in %, flags 0 or 1, the trend
        in years. NaN where a value that it needs is. Variables of a field that the grid lacks are left out.
    """
    similar = _similar_days(grid.days)
    found = _of_load(grid.fields[LOAD], similar)
    for part in (_of_past_weather(grid, similar), _of_calendar(grid.days)):
        found |= part
    return found | _of_forecast(grid) if weather == "known" else found


def _of_load(measured: Grid, similar: Sequence[Sequence[int]]) -> dict[str, Grid]:
    usual = _mean_of(measured, similar)
    load = np.where(np.isnan(measured), usual, measured)  # a gap must not cost the forecasts of two weeks
    yesterday, excess = _lag(load, 1), _lag(load - usual, 1)
    return {
        **{f"load_{k}d_w": _lag(load, k) for k in (1, 2, 7, 14)},
        "load_similar_w": usual,
        "load_midnight_w": _daily(yesterday[:, -1]),
        "load_evening_w": _daily(yesterday[:, _EVENING].mean(axis=1)),
        **{f"load_mean_{k}d_w": _daily(_lag(load, k).mean(axis=1)) for k in (1, 2, 7)},
        "load_excess_1d_w": excess,
        "load_excess_evening_w": _daily(excess[:, _EVENING].mean(axis=1)),
        "load_excess_mean_1d_w": _daily(excess.mean(axis=1)),
        "load_excess_mean_2d_w": _daily(_lag(load - usual, 2).mean(axis=1)),
    }


def _of_past_weather(grid: DayGrid, similar: Sequence[Sequence[int]]) -> dict[str, Grid]:
    found: dict[str, Grid] = {}
    if (temperature := grid.fields.get(TEMPERATURE)) is not None:
        yesterday = _lag(temperature, 1)
        found |= {
            "temperature_1d": yesterday,
            "temperature_7d": _lag(temperature, 7),
            "temperature_mean_1d": _daily(yesterday.mean(axis=1)),
            "temperature_similar": _mean_of(temperature, similar),
            "temperature_midnight": _daily(yesterday[:, -1]),
            "temperature_change_1d": _daily(yesterday[:, -1] - _lag(temperature, 2)[:, -1]),
            "heating_1d": heating(yesterday),
            "heating_similar": _mean_of(heating(temperature), similar),
            "cooling_1d": cooling(yesterday),
            "cooling_7d": cooling(_lag(temperature, 7)),
            "cooling_similar": _mean_of(cooling(temperature), similar),
        }
        if (normal := grid.fields.get(NORMAL_TEMPERATURE)) is not None:
            excess = yesterday - _lag(
                normal, 1
            )  # a normal moves by a tenth of a degree a day: the day before's serves
            found["temperature_above_normal_1d"] = _daily(excess[:, _EVENING].mean(axis=1))
    if (radiation := grid.fields.get(RADIATION)) is not None:
        found |= {"radiation_1d": _lag(radiation, 1), "radiation_similar": _mean_of(radiation, similar)}
    return found


def _of_forecast(grid: DayGrid) -> dict[str, Grid]:
    found: dict[str, Grid] = {}
    if (temperature := grid.fields.get(TEMPERATURE)) is not None:
        mean = temperature.mean(axis=1)
        found |= {
            "temperature": temperature,
            "temperature_mean": _daily(mean),
            "heating": heating(temperature),
            "heating_mean": _daily(heating(mean)),
            "heating_hard": heating(temperature, below=10.0),
            "cooling": cooling(temperature),
        }
    if (radiation := grid.fields.get(RADIATION)) is not None:
        found |= {"radiation": radiation, "radiation_mean": _daily(radiation.mean(axis=1))}
    return found


def _of_calendar(days: Sequence[date]) -> dict[str, Grid]:
    flags = dict(_flags([day_kind(day + timedelta(days=k)) for day in days] for k in (0, -1, -7, 1)))
    angle = 2 * np.pi * np.array([day.timetuple().tm_yday for day in days]) / _DAYS_A_YEAR
    year: dict[str, Grid] = {}
    for k in range(1, _HARMONICS_OF_YEAR + 1):
        year |= {f"year_cos_{k}": np.cos(k * angle), f"year_sin_{k}": np.sin(k * angle)}
    # Counted from a fixed day, so that an older document changes no row.
    year["trend_years"] = np.array([(day - date(2020, 1, 1)).days for day in days]) / _DAYS_A_YEAR
    return {name: _daily(values) for name, values in (flags | year).items()}


def _flags(kinds: Iterator[list[DayKind]]) -> Iterator[tuple[str, Grid]]:
    """Say what kind of day it is, the day before was, the day a week before was, and the next will be."""
    today, before, week_before, after = kinds
    weekend = (DayKind.SATURDAY, DayKind.SUNDAY, DayKind.HOLIDAY, DayKind.BRIDGE)
    chosen: Mapping[str, tuple[list[DayKind], Sequence[DayKind]]] = {
        "is_{}": (today, tuple(DayKind)),
        "was_{}": (before, (DayKind.MONDAY, *weekend)),
        "was_{}_7d": (week_before, (DayKind.HOLIDAY,)),
        "before_{}": (after, (DayKind.HOLIDAY,)),
    }
    for name, (kinds_of_days, wanted) in chosen.items():
        for kind in wanted:
            yield name.format(kind), np.array([found is kind for found in kinds_of_days], dtype=np.float64)


def heating(temperature: Grid, *, below: float = HEATING_BELOW_DEGREES) -> Grid:
    """Give the degrees that the temperature lies below what needs no heating; NaN stays."""
    return np.maximum(below - temperature, 0.0)


def cooling(temperature: Grid, *, above: float = COOLING_ABOVE_DEGREES) -> Grid:
    """Give the degrees that the temperature lies above what needs no cooling; NaN stays."""
    return np.maximum(temperature - above, 0.0)


def _similar_days(days: Sequence[date]) -> list[list[int]]:
    """List, for each day, the ordinary days of its group in the eight weeks before it, the newest last.

    In May and at the year's start four weeks may hold but one ordinary Saturday.
    """
    groups, ordinary = [day_group(day) for day in days], [is_ordinary(day) for day in days]
    return [
        [j for j in range(max(0, i - _SIMILAR_WITHIN_DAYS), i) if ordinary[j] and groups[j] is groups[i]]
        for i in range(len(days))
    ]


def _mean_of(values: Grid, similar: Sequence[Sequence[int]]) -> Grid:
    """Average the last three similar days of which every half hour is known, or as many as there are."""
    whole = np.asarray(~np.isnan(values).any(axis=1))
    chosen = ([row for row in rows if whole[row]][-_SIMILAR_DAYS:] for rows in similar)
    nothing = np.full(CLOCK_HALF_HOURS, np.nan)
    return np.stack([values[rows].mean(axis=0) if rows else nothing for rows in chosen])


def _lag(values: Grid, days: int) -> Grid:
    lagged = np.full_like(values, np.nan)
    lagged[days:] = values[:-days]
    return lagged


def _daily(values: Grid) -> Grid:
    return np.repeat(values[:, None], CLOCK_HALF_HOURS, axis=1)
