"""Silver and gold: each Paris day's rows and sums agree, added up here without Spark."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import DeltaTable

from courant.domain.contract import Contract
from courant.reconcile.days import compare_sums
from courant.reconcile.found import LayerFound
from courant.settings import Settings
from courant.stores import delta, delta_changes
from courant.stores.mysql.checks import DaySum
from courant.transforms import silver as silver_tables
from courant.transforms.gold import recipes
from courant.transforms.gold_balance import LOAD
from courant.transforms.gold_consumption import ENERGY

_DAY = silver_tables.PARTITION_COLUMN
QUARTERS = 4  # sums are counted in quarters, so that half an hour of a mean of two steps stays whole
Sums = dict[date, DaySum]


@dataclass(frozen=True, slots=True)
class Gold:
    """A data set's sums in gold, and the days that gold lacks."""

    half_hours: Sums  # keys: rows of silver; checksum: their sum in quarters of a watt(-hour)
    days: Sums  # keys: slots; checksum: energy of the table of days in quarters of a watt-hour
    days_source: Sums | None  # the same from the half hours; None where days are made of silver itself
    documents: Sums  # keys: series of a region and profile; checksum: energy in quarters of a watt-hour
    states: tuple[delta_changes.TableVersion | None, ...]  # of silver, in each of its tables

    def pending(self, silver: str) -> set[date] | None:
        """Give the Paris days that changed in silver since; None where all may have."""
        newest = delta_changes.newest_version(silver)
        if newest is None:
            return set()
        found = [
            delta_changes.changed_dates(silver, _DAY, since=state, until=newest) for state in self.states
        ]
        known = [days for days in found if days is not None]
        return set().union(*known) if len(known) == len(found) else None


def read_gold(settings: Settings, contract: Contract) -> Gold | None:
    """Add up gold as it is now; None where gold has nothing of the data set. Silver must be read later than this."""
    lake, tables = settings.lake.root, [recipe.table for recipe in recipes(contract)]
    paths = {table: delta.gold_path(lake, table) for table in tables}
    states = tuple(delta_changes.read_sources(path).get(contract.name) for path in paths.values())
    if not any(states):
        return None
    kind = "balance" if contract.table == "balance" else "consumption"
    half_hours = _read(paths[f"{kind}_half_hours"], contract)
    days = _read(paths[f"{kind}_days"], contract)
    if kind == "balance":
        return Gold(*_balance_sums(half_hours, days), states)
    return Gold(*_consumption_sums(half_hours, days), states)


def compare_gold(settings: Settings, contract: Contract, gold: Gold) -> LayerFound:
    """Compare gold with silver on the days that gold has taken."""
    path = delta.silver_path(settings.lake.root, contract.name)
    pending = gold.pending(path)
    rows = sum(day.keys for day in gold.half_hours.values())
    if pending is None:
        return LayerFound("gold", rows, lag=len(gold.half_hours))
    silver = _silver_sums(path, contract)
    expected = _without(silver, pending)
    differ = compare_sums("gold", expected, _without(gold.half_hours, pending))
    wrong = pending | {date.fromisoformat(one.day) for one in differ.days}  # the days follow the half hours
    source = silver if gold.days_source is None else gold.days_source
    differ_days = compare_sums("gold", _without(source, wrong), _without(gold.days, wrong))
    return LayerFound(
        "gold",
        rows,
        missing=differ.missing + differ_days.missing,
        doubled=differ.doubled + differ_days.doubled,
        stale_days=differ.stale + differ_days.stale,
        lag=len(pending),
        days=(*differ.days, *differ_days.days),
    )


def _silver_sums(path: str, contract: Contract) -> Sums:
    value = LOAD if contract.table == "balance" else ENERGY
    rows = DeltaTable(path).to_pyarrow_dataset().to_table(columns=[_DAY, value])
    return _summed(rows[_DAY], _ones(rows), _in_quarters(rows[value]))


def _balance_sums(half_hours: pa.Table, days: pa.Table) -> tuple[Sums, Sums, Sums, Sums]:
    """Take means back to sums of silver's steps; energy is half of the mean powers' sum."""
    powers, steps, ones = _in_quarters(half_hours[LOAD]), half_hours["steps"], _ones(half_hours)
    energies = _summed(half_hours[_DAY], ones, pc.divide(powers, 2))
    return (
        _summed(half_hours[_DAY], steps, pc.multiply(powers, steps)),
        _summed(days[_DAY], days["slots"], _in_quarters(days[f"{LOAD}_wh"])),
        energies,
        {day: DaySum(1, energy.checksum) for day, energy in energies.items()},
    )


def _consumption_sums(half_hours: pa.Table, days: pa.Table) -> tuple[Sums, Sums, None, Sums]:
    """Add totals and parts up as silver has them: only for the comparison."""
    filled = [pc.fill_null(_in_quarters(half_hours[name]), 0) for name in ("totals_wh", "parts_wh")]
    series = half_hours.group_by([_DAY, "region_code", "profil"]).aggregate([("energy_wh", "sum")])
    return (
        _summed(half_hours[_DAY], half_hours["segments"], pc.add(*filled)),
        _summed(days[_DAY], days["slots"], _in_quarters(days["energy_wh"])),
        None,
        _summed(series[_DAY], _ones(series), _in_quarters(series["energy_wh_sum"])),
    )


def _read(path: str, contract: Contract) -> pa.Table:
    rows = DeltaTable(path).to_pyarrow_dataset()
    own = ds.field("dataset") == contract.name if "dataset" in rows.schema.names else None
    return rows.to_table(filter=own)


def _in_quarters(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Give four times the values as whole numbers: exact, for sums and means of whole numbers below 2^51."""
    return pc.multiply(values.cast(pa.float64()), QUARTERS).cast(pa.int64())


def _ones(table: pa.Table) -> pa.Array:
    return pa.repeat(pa.scalar(1), table.num_rows)


def _summed(days: pa.ChunkedArray, counts: pa.Array, values: pa.ChunkedArray) -> Sums:
    table = pa.table({"day": days, "keys": counts, "checksum": values})
    rows = table.group_by("day").aggregate([("keys", "sum"), ("checksum", "sum")]).to_pylist()
    return {row["day"]: DaySum(int(row["keys_sum"] or 0), int(row["checksum_sum"] or 0)) for row in rows}


def _without(sums: Sums, days: Iterable[date]) -> Sums:
    left_out = set(days)
    return {day: one for day, one in sums.items() if day not in left_out}
