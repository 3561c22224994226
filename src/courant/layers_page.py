"""How the layers stand, as a table for people."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from courant.layers.status import LayerStatus

_SIGNS = {True: "[green]ok[/]", False: "[red]differs[/]", None: ""}


def print_layers(layers: Iterable[LayerStatus], console: Console) -> None:
    """Print a row per data set and layer, then a line for each server that could not be asked."""
    shown = list(layers)
    table = Table(title="Layers (times in UTC)", title_justify="left")
    for name in ("data set", "layer", "rows", "last slot", "lag", "last run", "last reconcile"):
        table.add_column(name, justify="right" if name in {"rows", "lag"} else "left")
    before = ""
    for one in shown:
        table.add_row("" if one.dataset == before else one.dataset, one.layer, *_cells(one))
        before = one.dataset
    console.print(table)
    for layer, problem in dict.fromkeys((one.layer, one.problem) for one in shown if one.problem):
        console.print(f"[yellow]{layer}:[/] {escape(problem)}", highlight=False, soft_wrap=True)


def _cells(one: LayerStatus) -> list[str]:
    reconciled = f"{_time(one.last_reconcile)} {_SIGNS[one.reconcile_ok]}".strip()
    if one.problem:
        return ["[yellow]not reached[/]", "", "", _time(one.last_run), reconciled]
    run = _time(one.last_run) + ("" if one.last_run_ok else " [red]failed[/]")
    rows = "[dim]not made yet[/]" if one.rows is None else f"{one.rows:,}"
    return [rows, _time(one.last_slot), _lag(one), run, reconciled]


def _lag(one: LayerStatus) -> str:
    if one.lag is None:
        return ""
    return f"{one.lag:,} {one.lag_unit}" if one.lag else "none"


def _time(instant: datetime | None) -> str:
    return f"{instant:%Y-%m-%d %H:%M}" if instant else ""
