"""Upkeep of the lake: every Delta table's small files merged and its unneeded ones deleted, with sizes reported."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from courant.errors import AnotherWriterError, SettingsError
from courant.stores.delta_upkeep import (
    WEEK_H,
    TableSize,
    is_table,
    measure_table,
    optimize_table,
    vacuum_table,
)

log = logging.getLogger(__name__)

LAYERS = ("bronze", "silver", "rejects", "gold")


@dataclass(frozen=True, slots=True)
class TableUpkeep:
    """What upkeep did to one table."""

    table: str  # layer and name, as `bronze/balance`
    before: TableSize
    after: TableSize
    deleted_files: int
    problem: str = ""  # why it was left unfinished

    @property
    def ok(self) -> bool:
        """Whether all was done."""
        return not self.problem


def maintain(lake: Path, *, retention_hours: int = WEEK_H, allow_short: bool = False) -> list[TableUpkeep]:
    """Take care of every Delta table of the lake's layers; a lake that is not there has none.

    A table that another writer keeps changing is left for the next time, with the reason in its `problem`.

    Parameters
    ----------
    retention_hours
        How long files stay after the newest version no longer needs them.
    allow_short
        Whether less than a week is meant: it can take files from under a long-running reader or writer.

    Raises
    ------
    SettingsError
        If the retention is negative, or short without `allow_short`; then nothing is touched.
    DiskFullError
        If there is no room for merged files.
    """
    check_retention(retention_hours, allow_short=allow_short)
    return [_maintain_table(lake, table, retention_hours) for table in find_tables(lake)]


def check_retention(retention_hours: int, *, allow_short: bool) -> None:
    """Raise a SettingsError for a retention that cannot work, or that nobody chose knowingly."""
    if retention_hours < 0:
        raise SettingsError(
            f"A retention of {retention_hours} hours cannot work", remedy="give zero or more hours"
        )
    if retention_hours < WEEK_H and not allow_short:
        raise SettingsError(
            f"A retention of {retention_hours} hours is shorter than {WEEK_H}: readers and writers that run "
            "longer lose files that they need",
            remedy=f"give {WEEK_H} or more, or add --allow-short-retention while nothing else uses the lake",
        )


def find_tables(lake: Path) -> list[str]:
    """List the Delta tables as layer and name, in the order in which data flows."""
    folders = (folder for layer in LAYERS for folder in sorted((lake / layer).glob("*")))
    return [f"{one.parent.name}/{one.name}" for one in folders if one.is_dir() and is_table(str(one))]


def to_document(done: list[TableUpkeep]) -> dict[str, Any]:
    """Give plain values: `ok` for all, and per table the sizes before and after, and its own `ok`."""
    return {
        "ok": all(one.ok for one in done),
        "tables": {one.table: asdict(one) | {"ok": one.ok} for one in done},
    }


def _maintain_table(lake: Path, table: str, retention_hours: int) -> TableUpkeep:
    path = str(lake / table)
    before, deleted, problem = measure_table(path), 0, ""
    try:
        optimize_table(path)
        deleted = vacuum_table(path, retention_hours=retention_hours)
    except AnotherWriterError as error:
        problem = str(error)
    after = measure_table(path)
    log.info("%s: %d files, now %d; %d deleted", table, before.files, after.files, deleted)
    return TableUpkeep(table, before, after, deleted, problem)
