"""Delta tables that are made of another one: what changed in that one since.

What a table was made of is remembered in the table itself, after its data: a run that dies in between is done again.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from deltalake import DeltaTable

_SOURCES = "courant.sources"  # table property: by name, the versions of the tables that it was made of


@dataclass(frozen=True, slots=True)
class TableVersion:
    """A state of a Delta table."""

    table_id: str  # a table that was removed and made again has another
    version: int


def newest_version(path: str) -> TableVersion | None:
    """Give the table's state as it is now; None where there is no table."""
    if not DeltaTable.is_deltatable(path):
        return None
    table = DeltaTable(path)
    return TableVersion(str(table.metadata().id), table.version())


def partition_dates(path: str, column: str, *, version: int) -> set[date]:
    """Give the values of a date partition column that have rows at a version."""
    partitions = DeltaTable(path, version=version).partitions()
    return {date.fromisoformat(one[column]) for one in partitions}


def changed_dates(
    path: str, column: str, *, since: TableVersion | None, until: TableVersion
) -> set[date] | None:
    """Give the values of a date partition column whose rows changed between two states.

    Files that were only rewritten, as by OPTIMIZE, are no change.

    Returns
    -------
    set of date, or None
        None if the log cannot tell, so that any may have changed: there is no `since`, it is of another table or
        of a later state, or the log was cleaned up.
    """
    if since is None or since.table_id != until.table_id or since.version > until.version:
        return None
    changed: set[date] = set()
    for version in range(since.version + 1, until.version + 1):
        actions = _read_commit(path, version)
        values = [_value(action, column) for action in actions or () if action["dataChange"]]
        if actions is None or None in values:
            return None
        changed.update(date.fromisoformat(value) for value in values if value)
    return changed


def read_sources(path: str) -> dict[str, TableVersion]:
    """Give the states that the table was made of, by the name of the source; none without a table."""
    if not DeltaTable.is_deltatable(path):
        return {}
    stored = json.loads(DeltaTable(path).metadata().configuration.get(_SOURCES, "{}"))
    return {name: TableVersion(**state) for name, state in stored.items()}


def store_sources(path: str, sources: dict[str, TableVersion]) -> None:
    """Remember states that the table was made of, beside those of other sources."""
    known = read_sources(path) | sources
    text = json.dumps({name: asdict(state) for name, state in sorted(known.items())})
    DeltaTable(path).alter.set_table_properties({_SOURCES: text}, raise_if_not_exists=False)


def forget_source(path: str, name: str) -> None:
    """Forget the state of one source: all of it counts as changed. Does nothing where there is no table."""
    known = read_sources(path)
    if name in known:
        left = {source: asdict(state) for source, state in sorted(known.items()) if source != name}
        DeltaTable(path).alter.set_table_properties({_SOURCES: json.dumps(left)}, raise_if_not_exists=False)


def _read_commit(path: str, version: int) -> list[dict[str, Any]] | None:
    """List a commit's added and removed files; None if the log no longer has it."""
    file = Path(path) / "_delta_log" / f"{version:020d}.json"
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    actions = [json.loads(line) for line in lines if line]
    return [action[kind] for action in actions for kind in ("add", "remove") if kind in action]


def _value(action: dict[str, Any], column: str) -> str | None:
    """Give the partition of a file; None if the commit does not say it, as it need not for a removed one."""
    found = (action.get("partitionValues") or {}).get(column)
    return None if found is None else str(found)
