"""The calendar as a file, for NiFi to look facts up in."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from courant.domain.calendar import SLOT_MINUTES, with_calendar

KEY = "half_hour"  # the instant of a half hour in UTC, as messages write instants


def write_calendar(path: Path, first_year: int, last_year: int) -> int:
    """Write the facts of each half hour of some years (UTC), the last one included, as CSV.

    Columns: `half_hour`, `paris_day`, `slot_of_day`, `weekday`, `is_holiday`, `season`. The file appears under its
    name when it is complete, so a reader never sees half of it.

    Returns
    -------
    int
        Rows, without the header.
    """
    first, end = datetime(first_year, 1, 1, tzinfo=UTC), datetime(last_year + 1, 1, 1, tzinfo=UTC)
    slots = pl.datetime_range(
        first, end, f"{SLOT_MINUTES}m", closed="left", time_zone="UTC", eager=True
    ).alias(KEY)
    facts = with_calendar(slots.to_frame(), instant=KEY)
    part = path.with_name(f"{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    facts.with_columns(pl.col(KEY).dt.strftime("%Y-%m-%dT%H:%M:%S%:z")).write_csv(part)
    part.replace(path)
    return facts.height
