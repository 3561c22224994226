"""Two layers held against each other, day by day: how many keys, and what their values sum up to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from pyspark.sql import DataFrame

from courant.domain.contract import Contract
from courant.reconcile.found import DayDifference
from courant.stores.mysql.checks import DaySum
from courant.transforms.checksums import to_daily_checksums

_NOTHING = DaySum(0, 0)


@dataclass(frozen=True, slots=True)
class DaysCompared:
    """The days on which a layer is not what the one before it asks for."""

    days: list[DayDifference]
    missing: int  # keys it lacks
    doubled: int  # keys it has beyond that
    stale: int  # days with as many keys, but other values


def compare_sums(layer: str, expected: dict[date, DaySum], found: dict[date, DaySum]) -> DaysCompared:
    """Hold a layer's days against those expected."""
    pairs = {
        day: (expected.get(day, _NOTHING), found.get(day, _NOTHING))
        for day in sorted(expected.keys() | found.keys())
    }
    differing = {day: pair for day, pair in pairs.items() if pair[0] != pair[1]}
    return DaysCompared(
        days=[DayDifference(day.isoformat(), layer, a.keys, b.keys) for day, (a, b) in differing.items()],
        missing=sum(max(a.keys - b.keys, 0) for a, b in differing.values()),
        doubled=sum(max(b.keys - a.keys, 0) for a, b in differing.values()),
        stale=sum(a.keys == b.keys for a, b in differing.values()),
    )


def collect_days(contract: Contract, newest: DataFrame) -> dict[date, DaySum]:
    """Sum up a frame of key fields and `checksum` by UTC day."""
    rows = to_daily_checksums(contract, newest).collect()
    return {row["day"]: DaySum(int(row["keys"]), int(row["checksum"])) for row in rows}
