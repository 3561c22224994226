"""Every store held against what the drawn records mean: zero missing, zero doubled, zero stale."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from deltalake import DeltaTable
from independent_check import COUNTS, CURVES, INDICES, SEGMENT, SHAPES, read_facts, read_rejects
from ingesting import independent_findings, server_of
from pymongo import MongoClient
from pyspark.sql import SparkSession
from record_model import RANGES, STEP, Drawn, Key, Values

from courant.domain.contract import Contract
from courant.reconcile import reconcile
from courant.settings import Settings

_PARIS = ZoneInfo("Europe/Paris")
_TOTAL = RANGES[0]
_ENERGY = COUNTS.index("total_energie_soutiree_wh")


@dataclass(frozen=True)
class Difference:
    """How one store differs from the model, in keys, records or documents."""

    missing: int = 0
    doubled: int = 0
    stale: int = 0

    def __bool__(self) -> bool:
        """Tell whether it differs."""
        return bool(self.missing or self.doubled or self.stale)


@dataclass(frozen=True)
class Verdict:
    """What each store and reconcile say."""

    stores: dict[str, Difference]
    reconciled: bool

    @property
    def ok(self) -> bool:
        """Whether nothing is missing, doubled or stale anywhere."""
        return self.reconciled and not any(self.stores.values())

    def total(self, what: str) -> int:
        """Add up `missing`, `doubled` or `stale` over all stores."""
        return sum(getattr(one, what) for one in self.stores.values())


def judge(spark: SparkSession, settings: Settings, contract: Contract, drawn: Drawn) -> Verdict:
    """Compare the topic, MySQL, rejects, bronze, silver and MongoDB with the model, and ask reconcile."""
    theirs = independent_findings(settings, contract)
    facts = read_facts(server_of(settings), SHAPES[contract.name])
    rejects = read_rejects(server_of(settings), contract.name)
    lake = settings.lake.root
    stores = {
        "mysql": compare(drawn.newest, facts),
        "rejects": Difference(
            max(theirs.rejects_missing, len(drawn.bad) - len(rejects)),
            max(theirs.rejects_doubled, rejects.total() - len(drawn.bad)),
        ),
        "topic": Difference(
            max(0, len(drawn.records) - theirs.produced), max(0, theirs.produced - len(drawn.records))
        ),
        "bronze": Difference(theirs.bronze_missing, theirs.bronze_doubled, theirs.bronze_altered),
        "silver": compare(
            drawn.newest, _silver(DeltaTable(str(lake / "silver" / contract.name)), contract.name)
        ),
        "rejects_in_lake": compare(
            dict.fromkeys(rejects), _places(DeltaTable(str(lake / "rejects" / contract.name)))
        ),
        "mongo": compare(_expected_days(drawn.newest), _days(settings, contract.name)),
    }
    return Verdict(stores, reconcile(spark, settings, contract).ok)


def compare(expected: Mapping[Any, Any], found: Mapping[Any, list[Any]]) -> Difference:
    """Count keys that are not found, found without being expected or more than once, and with another value."""
    return Difference(
        missing=len(expected.keys() - found.keys()),
        doubled=len(found.keys() - expected.keys()) + sum(len(values) - 1 for values in found.values()),
        stale=sum(found[key][0] != expected[key] for key in expected.keys() & found.keys()),
    )


def _silver(table: DeltaTable, dataset: str) -> dict[Key, list[Values]]:
    columns = (*SHAPES[dataset].key_columns, *COUNTS, *CURVES, *INDICES)
    rows = table.to_pyarrow_table(columns=["slot_start_utc", *columns])
    found: dict[Key, list[Values]] = {}
    for row in rows.to_pylist():
        slot, *rest = row.values()
        texts = tuple(map(str, rest))
        key = (slot.astimezone(UTC).strftime("%F %T"), *texts[: len(SEGMENT)])
        found.setdefault(key, []).append(texts[len(SEGMENT) :])
    return found


def _places(rejects: DeltaTable) -> dict[tuple[int, int], list[None]]:
    found: dict[tuple[int, int], list[None]] = {}
    for row in rejects.to_pyarrow_table(columns=["partition", "offset"]).to_pylist():
        found.setdefault((row["partition"], row["offset"]), []).append(None)
    return found


def _expected_days(newest: Mapping[Key, Values]) -> dict[tuple[str, ...], list[int | None]]:
    """Give the energy by slot of each Paris day, region and profile: of a total and its parts the greater."""
    energies: dict[tuple[str, ...], dict[int, list[tuple[bool, int]]]] = {}
    for (slot, region, profile, power_range), values in newest.items():
        day, number = _place(slot)
        slots = energies.setdefault((day, region, profile), {})
        slots.setdefault(number, []).append((power_range == _TOTAL, int(values[_ENERGY])))
    return {
        key: [_greater(slots[n]) if n in slots else None for n in range(_slots(key[0]))]
        for key, slots in energies.items()
    }


def _greater(segments: Iterable[tuple[bool, int]]) -> int:
    by_kind = groupby(sorted(segments), key=lambda segment: segment[0])
    return max(sum(energy for _, energy in segments) for _, segments in by_kind)


def _place(slot: str) -> tuple[str, int]:
    instant = datetime.fromisoformat(slot).replace(tzinfo=UTC)
    day = instant.astimezone(_PARIS).date()
    return str(day), (instant - _midnight(str(day))) // STEP


def _midnight(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=_PARIS).astimezone(UTC)


def _slots(day: str) -> int:
    tomorrow = str(date.fromisoformat(day) + timedelta(days=1))
    return (_midnight(tomorrow) - _midnight(day)) // STEP


def _days(settings: Settings, dataset: str) -> dict[tuple[str, ...], list[list[int | None]]]:
    found: dict[tuple[str, ...], list[list[int | None]]] = {}
    with MongoClient[dict[str, Any]](settings.mongo.uri, tz_aware=True) as client:
        for document in client[settings.mongo.database]["daily_curves"].find({"dataset": dataset}):
            key = str(document["day"])[:10], document["region_code"], document["profile"]
            found.setdefault(key, []).append(document["slots"])
    return found
