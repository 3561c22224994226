"""What reconcile found, as tables for people."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

_COUNTS = ("produced", "bronze", "accepted", "rejected", "mysql", "missing", "doubled")
_LAYER_COUNTS = ("rows", "superseded", "missing", "doubled", "stale_days")
_FROM = {"silver": "bronze", "gold": "silver", "mongo": "gold"}
_LAG_UNIT = {"silver": "records", "gold": "days", "mongo": "days"}
_SHOWN_DAYS = 20


def print_reconciliations(document: dict[str, Any], console: Console) -> None:
    """Print a row per data set of reconcile's document, one per layer behind the sinks, then the days that differ."""
    console.print(_sinks(document))
    if any(one["layers"] for one in document["datasets"].values()):
        console.print(layers_table(document))
    for name, one in document["datasets"].items():
        days = [*one["days"], *(day for layer in one["layers"].values() for day in layer["days"])]
        for day in days[:_SHOWN_DAYS]:
            console.print(
                f"{name} {day['day']}: {day['expected']:,} expected in {day['layer']}, {day['found']:,} found"
            )
        if len(days) > _SHOWN_DAYS:
            console.print(f"{name}: and {len(days) - _SHOWN_DAYS:,} more; --json has all")


def _sinks(document: dict[str, Any]) -> Table:
    table = _table("produced = bronze = accepted + rejected; newest values: bronze = MySQL", ("data set",))
    for name in (*_COUNTS, "lag"):
        table.add_column(name, justify="right")
    table.add_column("verdict")
    for name, one in document["datasets"].items():
        counts = [f"{one[count]:,}" for count in _COUNTS]
        lag = ", ".join(f"{sink} {offsets:,}" for sink, offsets in one["lag"].items() if offsets) or "none"
        agrees = not (one["missing"] or one["doubled"] or one["stale_days"] or one["days"])
        table.add_row(name, *counts, lag, _verdict(ok=agrees))
    return table


def layers_table(document: dict[str, Any]) -> Table:
    """Give a row per data set and layer behind the sinks."""
    table = _table("each layer against the one that it is made from", ("data set", "layer", "against"))
    for name in _LAYER_COUNTS:
        table.add_column(name.replace("_", " "), justify="right")
    table.add_column("not taken yet", justify="right")
    table.add_column("verdict")
    for dataset, one in document["datasets"].items():
        for name, layer in one["layers"].items():
            lag = f"{layer['lag']:,} {_LAG_UNIT[name]}" if layer["lag"] else "none"
            counts = [f"{layer[count]:,}" for count in _LAYER_COUNTS]
            table.add_row(dataset, name, _FROM[name], *counts, lag, _verdict(ok=layer["ok"]))
    return table


def _table(title: str, names: tuple[str, ...]) -> Table:
    table = Table(title=title, title_justify="left")
    for name in names:
        table.add_column(name)
    return table


def _verdict(*, ok: bool) -> str:
    return "[green]ok[/]" if ok else "[red]differs[/]"
