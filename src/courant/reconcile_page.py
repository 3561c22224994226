"""What reconcile found, as a table for people."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

_COUNTS = ("produced", "bronze", "accepted", "rejected", "mysql", "missing", "doubled")


def print_reconciliations(document: dict[str, Any], console: Console) -> None:
    """Print a row per data set of reconcile's document, then the days that differ."""
    table = Table(title="produced = bronze = accepted + rejected; newest values: bronze = MySQL")
    table.add_column("data set")
    for name in (*_COUNTS, "lag"):
        table.add_column(name, justify="right")
    table.add_column("verdict")
    for name, one in document["datasets"].items():
        counts = [f"{one[count]:,}" for count in _COUNTS]
        lag = ", ".join(f"{sink} {offsets:,}" for sink, offsets in one["lag"].items() if offsets) or "none"
        table.add_row(name, *counts, lag, "[green]ok[/]" if one["ok"] else "[red]differs[/]")
    console.print(table)
    for name, one in document["datasets"].items():
        for day in one["days"]:
            console.print(
                f"{name} {day['day']}: bronze has {day['bronze_keys']:,} keys, MySQL {day['mysql_keys']:,}"
            )
