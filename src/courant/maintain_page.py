"""What upkeep did, as a table for people."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.filesize import decimal
from rich.table import Table


def print_upkeep(document: dict[str, Any], console: Console) -> None:
    """Print a row per table of upkeep's document, then why any was left unfinished."""
    if not document["tables"]:
        console.print("The lake has no tables yet: nothing to do.")
        return
    table = Table(title="Delta tables, before → after")
    table.add_column("table")
    for name in ("files", "bytes", "files on disk", "bytes on disk", "deleted"):
        table.add_column(name, justify="right")
    table.add_column("verdict")
    for name, one in document["tables"].items():
        table.add_row(name, *_cells(one), "[green]ok[/]" if one["ok"] else "[red]unfinished[/]")
    console.print(table)
    for one in document["tables"].values():
        if one["problem"]:
            console.print(one["problem"], markup=False)


def _cells(one: dict[str, Any]) -> list[str]:
    before, after = one["before"], one["after"]
    return [
        f"{before['files']:,} → {after['files']:,}",
        f"{decimal(before['bytes'])} → {decimal(after['bytes'])}",
        f"{before['stored_files']:,} → {after['stored_files']:,}",
        f"{decimal(before['stored_bytes'])} → {decimal(after['stored_bytes'])}",
        f"{one['deleted_files']:,}",
    ]
