"""What reconcile finds, and its plain form for JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class DayDifference:
    """A day on which two neighbouring layers differ."""

    day: str
    layer: str  # the later of the two: mysql, silver, gold, mongo
    expected: int  # keys, rows or watt-hours that the earlier layer asks for
    found: int


@dataclass(frozen=True, slots=True)
class LayerFound:
    """One layer of the lake or the cache, held against the layer that it is made from."""

    layer: str  # silver, gold, mongo
    rows: int  # rows or documents in it
    superseded: int = 0  # records that a newer one of their key replaced; silver only
    missing: int = 0
    doubled: int = 0
    stale_days: int = 0  # days with the right keys or rows but other values
    lag: int = 0  # records, or days for gold and mongo, that the layer has not taken yet
    days: tuple[DayDifference, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether it agrees, as far as it has come."""
        return not (self.missing or self.doubled or self.stale_days or self.days)


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What reconcile found for one data set."""

    dataset: str
    produced: int  # records a read_committed consumer sees in the compared offsets
    bronze: int  # of these, rows in bronze
    accepted: int  # of these, by the contract and the database
    rejected: int  # of these, kept in MySQL's reject
    mysql: int  # facts in MySQL
    missing: int  # records, rejects or keys that bronze or MySQL lacks
    doubled: int  # records or keys that one of them has twice
    stale_days: int  # days with the right keys but other values in MySQL
    lag: dict[str, int]  # offsets each sink is behind the log's stable end
    days: list[DayDifference] = field(default_factory=list)
    layers: tuple[LayerFound, ...] = ()  # those behind the sinks that exist

    @property
    def ok(self) -> bool:
        """Whether every layer agrees; lag is not a difference."""
        sinks = not (self.missing or self.doubled or self.stale_days or self.days)
        return sinks and all(layer.ok for layer in self.layers)


def to_document(found: list[Reconciliation]) -> dict[str, Any]:
    """Give plain values: `ok` for all, and per data set the counts, the differing days and its own `ok`."""
    return {
        "ok": all(one.ok for one in found),
        "datasets": {one.dataset: _dataset_document(one) for one in found},
    }


def _dataset_document(one: Reconciliation) -> dict[str, Any]:
    layers = {layer.layer: asdict(layer) | {"ok": layer.ok} for layer in one.layers}
    return asdict(one) | {"layers": layers, "ok": one.ok}
