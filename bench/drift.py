"""How often drift is reported where there is none, and whether it is found where there is.

python bench/drift.py [--families 300] [--seed 7]

Needs no server. A family is all features of one simulated series; a false alarm is one feature of it or more.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from machine import console, describe_engine
from numpy.typing import NDArray
from rich.table import Table

from courant.batch.drift import daily_features
from courant.ml.drift import RECENT_DAYS, FeatureDrift, days_needed, find_drift
from courant.transforms.day_grid import (
    LOAD,
    NORMAL_TEMPERATURE,
    RADIATION,
    TEMPERATURE,
    DayGrid,
    to_grid,
)

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
from feature_documents import REAL, real_documents

HISTORY_DAYS = 800
Grid = NDArray[np.float64]
Change = Callable[[DayGrid], DayGrid]


def main() -> None:
    arguments = _arguments()
    console.print(describe_engine())
    console.print(f"seed {arguments.seed}, {arguments.families} families of {HISTORY_DAYS} days each")
    console.print(_simulated(arguments.families, arguments.seed))
    if REAL.exists():
        console.print(_real())


def _simulated(families: int, seed: int) -> Table:
    table = Table("days lean on the day before", "change of the last 28 days", "families with an alarm")
    for memory in (0.0, 0.5, 0.8):
        for name, change in CHANGES.items():
            grids = _grids(families if change is _nothing else families // 10, memory, seed)
            found = [bool(_drifted(change(grid))) for grid in grids]
            table.add_row(f"{memory}", name, f"{np.mean(found):.1%} of {len(found)}")
    return table


def _real() -> Table:
    """Judge the real balance at the end of each week, as it was known then."""
    documents = real_documents()
    table = Table("month", "checks", "with drift", "features that drifted, and how often")
    first = date.fromisoformat(documents[0]["day"]) + timedelta(days=days_needed())
    grid = to_grid(documents, until=date(2023, 12, 31))
    months: dict[str, list[list[str]]] = {}
    for row in range((first - grid.days[0]).days, len(grid.days), 7):
        found = _drifted(_until(grid, row))
        months.setdefault(f"{grid.days[row]:%Y-%m}", []).append([one.feature for one in found])
    for month, checks in months.items():
        names = Counter(name for check in checks for name in check)
        told = ", ".join(f"{name} {count}" for name, count in names.most_common(6))
        table.add_row(month, str(len(checks)), str(sum(map(bool, checks))), told)
    return table


def _drifted(grid: DayGrid) -> list[FeatureDrift]:
    return [one for one in find_drift(grid.days, daily_features(grid)) if one.is_drift]


def _until(grid: DayGrid, row: int) -> DayGrid:
    fields = {name: values[: row + 1] for name, values in grid.fields.items()}
    return DayGrid(grid.series, grid.days[: row + 1], fields)


def _grids(count: int, memory: float, seed: int) -> Iterator[DayGrid]:
    """Simulate series whose days differ from the season's normal by an AR(1) process; each ends on a day of its own."""
    random = np.random.default_rng([seed, round(100 * memory)])
    for _ in range(count):
        last = date(2024, 1, 1) + timedelta(days=int(random.integers(365)))
        days = tuple(last - timedelta(days=k) for k in reversed(range(HISTORY_DAYS)))
        yield _grid(days, memory, random)


def _grid(days: Sequence[date], memory: float, random: np.random.Generator) -> DayGrid:
    year = np.array([day.timetuple().tm_yday for day in days])[:, None] / 365.25
    hour = np.arange(48)[None, :] / 48
    normal = 12 - 8 * np.cos(2 * np.pi * (year - 0.05)) - 3 * np.cos(2 * np.pi * (hour - 0.1))
    noise = {name: _ar1(len(days), memory, random)[:, None] for name in ("t", "range", "load", "sun")}
    temperature = normal + 3.5 * noise["t"] - (1 + 0.3 * noise["range"]) * np.cos(2 * np.pi * hour)
    weekend = np.array([day.weekday() >= 5 for day in days])[:, None]
    warmth = np.maximum(15 - temperature, 0) + 0.5 * np.maximum(temperature - 20, 0)
    shape = 1 - 0.12 * weekend - 0.1 * np.cos(2 * np.pi * hour)
    load = 45e9 * shape * (1 + 0.02 * noise["load"]) + 2.2e9 * warmth
    sun = np.clip(50 + 20 * noise["sun"], 0, 100) * np.sin(np.pi * hour) ** 2
    fields = {LOAD: load, TEMPERATURE: temperature, NORMAL_TEMPERATURE: normal, RADIATION: sun}
    return DayGrid("simulated", tuple(days), {name: np.asarray(values) for name, values in fields.items()})


def _ar1(count: int, memory: float, random: np.random.Generator) -> Grid:
    """Make a stationary process of variance 1."""
    shocks = random.normal(size=count) * np.sqrt(1 - memory**2)
    values = np.empty(count)
    values[0] = random.normal()
    for i in range(1, count):
        values[i] = memory * values[i - 1] + shocks[i]
    return values


def _nothing(grid: DayGrid) -> DayGrid:
    return grid


def _changed(name: str, change: Callable[[Grid], Grid]) -> Change:
    """Change a field in the last days."""

    def apply(grid: DayGrid) -> DayGrid:
        values = grid.fields[name].copy()
        values[-RECENT_DAYS:] = change(values[-RECENT_DAYS:])
        return replace(grid, fields={**grid.fields, name: values})

    return apply


CHANGES: dict[str, Change] = {
    "none": _nothing,
    "load + 10 %": _changed(LOAD, lambda values: values * 1.1),
    "load + 5 %": _changed(LOAD, lambda values: values * 1.05),
    "load in kW": _changed(LOAD, lambda values: values / 1000),
    "temperature stuck": _changed(TEMPERATURE, lambda values: np.full_like(values, values[0, 0])),
    "temperature in K": _changed(TEMPERATURE, lambda values: values + 273.15),
    "temperature + 3": _changed(TEMPERATURE, lambda values: values + 3),
}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--families", type=int, default=300)
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args()


if __name__ == "__main__":
    main()
