"""Documents of `features_daily` for tests of the models: written by hand, and read from the real files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from courant.domain.calendar import clock_half_hours, slots_of_day
from courant.domain.contract import load_contracts
from courant.published import read_published
from courant.transforms.day_grid import FIELDS

ROOT = Path(__file__).resolve().parents[1]
REAL = Path(os.environ.get("COURANT_REAL_DATA") or ROOT.parent / "shared" / "data") / "enedis"
only_with_real_files = pytest.mark.skipif(
    not REAL.exists(), reason=f"the real files are not beside the project: {REAL}"
)
PUBLISHED = ("consommation_totale", *FIELDS[1:])

Document = dict[str, Any]


def days_from(first: date, count: int) -> list[date]:
    return [first + timedelta(days=i) for i in range(count)]


def document(day: date, **fields: list[float | None]) -> Document:
    return {"_id": f"{day}|balance", "day": day.isoformat(), "series": "balance", **fields}


def documents_of(days: Iterable[date], **values: Callable[[date, int], float]) -> list[Document]:
    """Make each field a function of the day and the half hour of the clock."""
    return [
        document(
            day,
            **{name: [value(day, int(h)) for h in clock_half_hours(day)] for name, value in values.items()},
        )
        for day in days
    ]


def real_documents() -> list[Document]:
    """Read the three real years: the 1,009 whole days, with what `features_daily` has of each slot."""
    contract = load_contracts(ROOT / "contracts")["balance"]
    files = sorted(REAL.glob("bilan_electrique_*_halfhourly.csv"))
    rows = pl.concat([read_published(file, contract).select("horodate", *PUBLISHED) for file in files])
    instant = pl.col("horodate").str.to_datetime("%Y-%m-%dT%H:%M:%S%z", time_zone="UTC")
    typed = rows.with_columns(instant, pl.col(PUBLISHED).cast(pl.Float64)).collect()
    by_start = {start: values for start, *values in typed.iter_rows()}
    first, last = date(2021, 3, 28), date(2023, 12, 31)
    found = []
    for day in days_from(first, (last - first).days + 1):
        columns = zip(*(by_start[start] for start in slots_of_day(day)), strict=True)
        found.append(document(day, **dict(zip(FIELDS, map(list, columns), strict=True))))
    assert (len(by_start), max(by_start)) == (48_434, datetime(2023, 12, 31, 23, 30, tzinfo=UTC))
    return found
