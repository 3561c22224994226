"""How the lake's tables stand, by their logs and a few columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import DeltaTable

from courant.domain.contract import Contract
from courant.stores import delta, delta_changes, delta_merge
from courant.transforms.gold import recipes

_SLOT = "slot_start_utc"
_LOOKED_AT = 50  # commits in which bronze's newest append is looked for


@dataclass(frozen=True, slots=True)
class BronzeMeasured:
    """One bronze table."""

    rows: int | None = None
    last_append: datetime | None = None
    reached: dict[str, dict[int, int]] = field(default_factory=dict)  # by topic id

    def positions(self, topic_id: str) -> dict[int, int]:
        """Give the next offset per partition of one life of the topic."""
        return self.reached.get(topic_id, {})


@dataclass(frozen=True, slots=True)
class Measured:
    """One data set in one table behind bronze."""

    rows: int | None = None
    last_slot: datetime | None = None
    lag: int | None = None
    lag_unit: str = "records"


def measure_bronze(lake: Path, contract: Contract) -> BronzeMeasured:
    """Count bronze's rows, and read how far it has come."""
    path = delta.bronze_path(lake, contract.name)
    if not DeltaTable.is_deltatable(path):
        return BronzeMeasured()
    epochs = delta.read_epochs(path)[-1:]
    reached = {epoch.topic_id: delta.read_positions(path, epoch) for epoch in epochs}
    return BronzeMeasured(delta.count_rows(path), _last_append(path), reached)


def measure_derived(lake: Path, contract: Contract) -> dict[str, Measured]:
    """Measure silver, rejects and gold; no gold for a data set that it does not know."""
    lag = _silver_lag(lake, contract)
    found = {
        "silver": _measure(delta.silver_path(lake, contract.name), contract.instant.column, lag),
        "rejects": _measure(delta.rejects_path(lake, contract.name), "", lag),
    }
    return found | ({"gold": _measure_gold(lake, contract)} if recipes(contract) else {})


def gold_lag(lake: Path, contract: Contract) -> int | None:
    """Count the Paris days of silver that gold's half hours lack; None where all may be."""
    silver, gold = delta.silver_path(lake, contract.name), delta.gold_path(lake, recipes(contract)[0].table)
    newest = delta_changes.newest_version(silver)
    if newest is None:
        return None
    since = delta_changes.read_sources(gold).get(contract.name)
    days = delta_changes.changed_dates(silver, "paris_day", since=since, until=newest)
    return None if days is None else len(days)


def _last_append(path: str) -> datetime | None:
    commits = DeltaTable(path).history(_LOOKED_AT)
    times = [commit["timestamp"] for commit in commits if commit.get("operation") == "WRITE"]
    return datetime.fromtimestamp(max(times) / 1000, UTC) if times else None


def _silver_lag(lake: Path, contract: Contract) -> int | None:
    bronze = delta.bronze_path(lake, contract.name)
    if not DeltaTable.is_deltatable(bronze):
        return None
    since = delta_merge.stored_position(delta.silver_path(lake, contract.name))
    return delta_merge.position_of(bronze, DeltaTable(bronze).version(), since)[1]


def _measure(path: str, instant: str, lag: int | None) -> Measured:
    if not DeltaTable.is_deltatable(path):
        return Measured(lag=lag)
    files = pa.table(DeltaTable(path).get_add_actions(flatten=True))
    newest = pc.max(files[f"max.{instant}"]).as_py() if f"max.{instant}" in files.column_names else None
    return Measured(sum(files["num_records"].to_pylist()), _utc(newest), lag)


def _measure_gold(lake: Path, contract: Contract) -> Measured:
    path = delta.gold_path(lake, recipes(contract)[0].table)
    if not DeltaTable.is_deltatable(path):
        return Measured(lag_unit="days")
    rows = DeltaTable(path).to_pyarrow_dataset()
    own = ds.field("dataset") == contract.name if "dataset" in rows.schema.names else None
    slots = rows.to_table(columns=[_SLOT], filter=own)
    return Measured(slots.num_rows, _utc(pc.max(slots[_SLOT]).as_py()), gold_lag(lake, contract), "days")


def _utc(instant: datetime | None) -> datetime | None:
    """Name the zone, which is UTC whatever its name."""
    if instant is None:
        return None
    return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
