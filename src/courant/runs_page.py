"""What a batch job did, as a table for people: a row per data set or table."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

_SHOWN_DAYS = 2


def print_runs(title: str, document: dict[str, dict[str, Any]], console: Console) -> None:
    """Print a job's document: per name, the values it reports, in their order."""
    if not document:
        console.print(f"{title}: there was nothing to do.")
        return
    table = Table(title=title, title_justify="left")
    table.add_column("")
    columns = list(dict.fromkeys(key for one in document.values() for key in one))
    for column in columns:
        table.add_column(column.replace("_", " "), justify="left" if column == "days" else "right")
    for name, one in document.items():
        table.add_row(name, *[_cell(column, one.get(column)) for column in columns])
    console.print(table)


def _cell(column: str, value: Any) -> str:  # noqa: ANN401 - any value of JSON
    if value is None:
        return ""
    if isinstance(value, list):
        return _spanned(value) if column == "days" else f"{len(value):,}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_cell(name, part)}" for name, part in value.items())
    return f"{value:,}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _spanned(values: list[str]) -> str:
    """Name a few days; of many, tell the number, the first and the last."""
    if len(values) <= _SHOWN_DAYS:
        return ", ".join(map(str, values)) or "none"
    return f"{len(values):,}: {values[0]} to {values[-1]}"
