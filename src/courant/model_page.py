"""What the daily model and the check for drift reported, as tables for people."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

_COSTS = {
    "session_wall_s": "session s", "load_wall_s": "load s", "fit_cold_wall_s": "first fit s",
    "cold_total_wall_s": "all of it s", "fit_wall_s": "warm fit s", "predict_wall_s": "predict s",
    "peak_pss_mb": "peak memory MB",
}  # fmt: skip
_BARS = "▁▂▃▄▅▆▇█"
_GIGA = 1e9


def print_model(document: dict[str, Any], console: Console) -> None:
    """Print what each engine cost, how the ways to forecast did, and the forecast."""
    console.print(_engines(document))
    for dataset, one in document["datasets"].items():
        if "skipped" in one:
            console.print(f"{dataset}: no forecast yet: {one['skipped']}")
        else:
            console.print(_contest(dataset, one))
    for line in forecast_lines(document):
        console.print(line, highlight=False)


def forecast_lines(document: dict[str, Any]) -> list[str]:
    """Say in a line for each data set what is forecast, with the day's curve by the hour where there is one."""
    return [_line(dataset, one) for dataset, one in document.get("datasets", {}).items() if "forecast" in one]


def print_drift(document: dict[str, Any], console: Console) -> None:
    """Print a row for each series that was checked, and count those that could not be."""
    table = Table(title="Drift, against the same season before", title_justify="left")
    for name in ("series", "up to", "features", "drifted"):
        table.add_column(name)
    for one in document.values():
        for series, check in one["checked"].items():
            drifted = f"[red]{', '.join(check['drifted'])}[/]" if check["drifted"] else "none"
            table.add_row(series, check["last_day"], str(check["features"]), drifted)
    console.print(table)
    for dataset, one in document.items():
        if one["skipped"]:
            console.print(f"{dataset}: {len(one['skipped'])} series have too few days to be judged")


def _engines(document: dict[str, Any]) -> Table:
    table = Table(title=f"The same model on each engine; chosen: {document['engine']}", title_justify="left")
    for name in ("work", "engine"):
        table.add_column(name)
    for name in ("rows", "cores", *_COSTS.values()):
        table.add_column(name, justify="right")
    for one in document["engines"]:
        costs = [
            f"{one[name]:,.{0 if name == 'peak_pss_mb' else 2}f}" if name in one else "" for name in _COSTS
        ]
        table.add_row(one["work"], one["engine"], f"{one['rows']:,}", str(one["cores"]), *costs)
        if "failure" in one:
            table.add_row("", f"[red]{one['failure']}[/]")
    return table


def _contest(dataset: str, one: dict[str, Any]) -> Table:
    title = f"{dataset}: error of the last weeks (MAPE); champion: {one['model']}"
    table = Table(title=title, title_justify="left")
    table.add_column("model")
    for name in ("weather unknown %", "weather known %"):
        table.add_column(name, justify="right")
    for name, error in one["backtest MAPE %"].items():
        known = one["weather known"].get(name)
        label = f"[bold]{name}[/]" if name == one["model"] else name
        table.add_row(label, f"{error:.2f}", "" if known is None else f"{known:.2f}")
    return table


def _line(dataset: str, one: dict[str, Any]) -> str:
    made = f"{dataset} on {one['forecast']}, by {one['model']} version {one['version']}"
    if "hourly_w" not in one:
        return f"{made}: {one['series']} series"
    return (
        f"{made}: {_curve(one['hourly_w'])} mean {one['mean_w'] / _GIGA:.1f} GW, peak {one['peak_w'] / _GIGA:.1f} GW"
        f" at {one['peak_at']} (80 %: {one['peak_low_w'] / _GIGA:.1f} to {one['peak_high_w'] / _GIGA:.1f})"
    )


def _curve(values: list[float]) -> str:
    low, high = min(values), max(values)
    return "".join(_BARS[int((value - low) / ((high - low) or 1) * (len(_BARS) - 1))] for value in values)
