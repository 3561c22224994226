"""Gold: the days of silver that changed, made anew in every table that they feed."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import reduce
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from courant.domain.contract import Contract
from courant.settings import Settings
from courant.stores import delta, delta_changes, delta_merge, delta_replace
from courant.stores.delta_changes import TableVersion
from courant.transforms import silver
from courant.transforms.gold import GOLD_TABLES, PARTITION_COLUMN, recipes
from courant.transforms.gold_parts import SILVER, Grain, Recipe, in_dates, months_of

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class GoldRun:
    """What one run did for one data set."""

    dataset: str
    tables: tuple[str, ...]  # that were written
    days: tuple[date, ...]  # Paris days that were made anew
    is_full: bool  # whether all days were, and those that silver no longer has removed
    seconds: float  # until its last table was written


@dataclass(frozen=True, slots=True)
class _Change:
    """The days of one data set to make anew, at one version of its silver."""

    contract: Contract
    silver: TableVersion
    days: frozenset[date]
    is_full: bool

    @property
    def months(self) -> frozenset[date]:
        """The months that the days lie in."""
        return frozenset(months_of(self.days))

    def condition(self, columns: Iterable[str], grain: Grain) -> str:
        """Say which rows of a table with these columns are concerned."""
        own = [f"dataset = '{self.contract.name}'"] if "dataset" in columns else []
        if self.is_full:
            return " AND ".join([*own, f"{grain} IS NOT NULL"])
        months = [in_dates(PARTITION_COLUMN, self.months)] if PARTITION_COLUMN in columns else []
        days = [in_dates("paris_day", self.days)] if grain == "paris_day" else []
        return " AND ".join([*own, *months, *days])


def build_gold(
    spark: SparkSession,
    settings: Settings,
    contracts: list[Contract],
    *,
    days: Iterable[date] | None = None,
) -> list[GoldRun]:
    """Bring gold up to silver.

    The months of a table that the days lie in are written anew in one commit, with the other days' rows as they
    are; then the table remembers the version of silver that it has. A run that is killed leaves tables before or
    after that; the next one makes the days anew that any table lacks, which gives the same rows.

    Parameters
    ----------
    contracts
        Those of tables that gold does not know are left out, with a line in the log.
    days
        Make these Paris days anew, whether they changed or not; what changed beside them waits for a run without.

    Raises
    ------
    SchemaConflictError
        If a contract changed a column's type.
    AnotherWriterError, DiskFullError
        If another run is at work, or the lake has no room.
    """
    started = time.monotonic()
    lake, forced = settings.lake.root, None if days is None else frozenset(days)
    known = [contract for contract in contracts if _is_known(contract)]
    changes = {contract.name: _change(lake, contract, forced) for contract in known}
    todo = [change for change in changes.values() if change and (change.days or change.is_full)]
    done: dict[str, float] = {}
    for table in GOLD_TABLES:
        written = _build_table(spark, lake, table, todo, remember=forced is None)
        done |= dict.fromkeys(written, time.monotonic() - started)
    return [_run(contract, changes[contract.name], done.get(contract.name, 0.0)) for contract in known]


def to_document(runs: list[GoldRun]) -> dict[str, Any]:
    """Give plain values: per data set the tables that were written, and the days that were made anew."""
    return {
        run.dataset: {
            "tables": list(run.tables),
            "days": [day.isoformat() for day in run.days],
            "is_full": run.is_full,
            "seconds": round(run.seconds, 2),
        }
        for run in runs
    }


def _is_known(contract: Contract) -> bool:
    if recipes(contract):
        return True
    log.info("%s: gold makes nothing of the table %s", contract.name, contract.table)
    return False


def _change(lake: Path, contract: Contract, forced: frozenset[date] | None) -> _Change | None:
    """Find the days that some table of gold lacks; None where there is no silver."""
    path = delta.silver_path(lake, contract.name)
    newest = delta_changes.newest_version(path)
    if newest is None:
        return None
    if forced is not None:
        return _Change(contract, newest, forced, is_full=False)
    tables = [recipe.table for recipe in recipes(contract)]
    states = {delta_changes.read_sources(delta.gold_path(lake, table)).get(contract.name) for table in tables}
    found = [
        delta_changes.changed_dates(path, silver.PARTITION_COLUMN, since=since, until=newest)
        for since in states
    ]
    changed = [days for days in found if days is not None]
    if len(changed) == len(found):
        return _Change(contract, newest, frozenset().union(*changed), is_full=False)
    everything = delta_changes.partition_dates(path, silver.PARTITION_COLUMN, version=newest.version)
    return _Change(contract, newest, frozenset(everything), is_full=True)


def _build_table(
    spark: SparkSession, lake: Path, table: str, changes: list[_Change], *, remember: bool
) -> list[str]:
    """Make the changed days or months of one table anew, for all data sets at once; name these."""
    made = [(change, one) for change in changes for one in recipes(change.contract) if one.table == table]
    if not made:
        return []
    path = delta.gold_path(lake, table)
    for _, recipe in made:
        delta_merge.ensure_table(path, recipe.schema, partition_by=PARTITION_COLUMN)
    since = delta_replace.read_state(path)
    concerned = reduce(frozenset.union, [change.months for change, _ in made])
    months = "true" if any(change.is_full for change, _ in made) else in_dates(PARTITION_COLUMN, concerned)
    stale = " OR ".join(f"({change.condition(r.schema.names, r.grain)})" for change, r in made)
    kept = delta.read_table(spark, path, version=since.version).where(f"({months}) AND NOT ({stale})")
    fresh = reduce(DataFrame.unionByName, [_rows(spark, lake, change, recipe) for change, recipe in made])
    rows = kept.unionByName(fresh.select(kept.columns)).repartition(PARTITION_COLUMN)
    delta_replace.replace_partitions(path, rows, where=months, since=since)
    if remember:
        delta_changes.store_sources(path, {change.contract.name: change.silver for change, _ in made})
    return [change.contract.name for change, _ in made]


def _rows(spark: SparkSession, lake: Path, change: _Change, recipe: Recipe) -> DataFrame:
    """Read what a recipe needs, and follow it."""
    reader = spark.read.format("delta")
    if recipe.source == SILVER:
        path = delta.silver_path(lake, change.contract.name)
        source = reader.option("versionAsOf", change.silver.version).load(path)
    else:
        source = reader.load(delta.gold_path(lake, recipe.source))
    return source.where(change.condition(source.columns, recipe.grain)).transform(recipe.make)


def _run(contract: Contract, change: _Change | None, seconds: float) -> GoldRun:
    if change is None or not seconds:
        return GoldRun(contract.name, (), (), is_full=False, seconds=seconds)
    tables = tuple(recipe.table for recipe in recipes(contract))
    return GoldRun(contract.name, tables, tuple(sorted(change.days)), change.is_full, seconds)
