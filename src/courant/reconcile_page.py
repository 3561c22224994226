"""What reconcile found, as a table for people."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from courant.reconcile import Reconciliation

_COUNTS = ("produced", "bronze", "accepted", "rejected", "mysql", "missing", "doubled")


def print_reconciliations(found: list[Reconciliation]) -> None:
    """Print a row per data set, then the days that differ."""
    table = Table(title="produced = bronze = accepted + rejected; newest values: bronze = MySQL")
    table.add_column("data set")
    for name in (*_COUNTS, "lag"):
        table.add_column(name, justify="right")
    table.add_column("verdict")
    for one in found:
        counts = [f"{getattr(one, name):,}" for name in _COUNTS]
        lag = ", ".join(f"{sink} {offsets:,}" for sink, offsets in one.lag.items() if offsets) or "none"
        table.add_row(one.dataset, *counts, lag, "[green]ok" if one.ok else "[red]differs")
    console = Console(width=None if Console().is_terminal else 140)
    console.print(table)
    for one in found:
        for day in one.days:
            console.print(
                f"{one.dataset} {day.day}: bronze has {day.bronze_keys:,} keys, MySQL {day.mysql_keys:,}"
            )
