"""What people read of the daily model and of drift."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from courant.model_page import forecast_lines, print_drift, print_model

BALANCE: dict[str, Any] = {
    "model": "ridge", "version": 4, "promoted": False, "days": 90,
    "backtest MAPE %": {"ridge": 1.26, "same_slot_7d_ago": 5.53}, "weather known": {"ridge": 0.55},
    "forecast": "2026-04-01", "series": 1, "scored": 3, "not ready": 0, "mean_w": 41.3e9, "peak_w": 49.1e9,
    "peak_low_w": 48.3e9, "peak_high_w": 50.1e9, "peak_at": "12:30", "hourly_w": [float(h) for h in range(24)],
}  # fmt: skip
ENGINES = [
    {"work": "ridge", "engine": "sklearn", "rows": 2976, "cores": 1, "cold_total_wall_s": 3.98, "peak_pss_mb": 235.2},
    {"work": "ridge", "engine": "spark", "rows": 2976, "cores": 1, "peak_pss_mb": 99.0, "failure": "needed more"},
]  # fmt: skip
DOCUMENT = {
    "engine": "sklearn",
    "engines": ENGINES,
    "datasets": {"consumption_inf36": {"skipped": "2 whole days"}, "balance": BALANCE},
}


def printed(show: Any, document: dict[str, Any]) -> str:
    console = Console(record=True, width=160, quiet=True)
    console.quiet = False
    with console.capture() as said:
        show(document, console)
    return said.get()


def test_the_forecast_is_a_line_with_its_curve() -> None:
    [line] = forecast_lines(DOCUMENT)

    assert line.startswith("balance on 2026-04-01, by ridge version 4: ▁")
    assert "█ mean 41.3 GW, peak 49.1 GW at 12:30 (80 %: 48.3 to 50.1)" in line


def test_many_series_are_counted_and_nothing_is_said_before_the_first_run() -> None:
    many = {name: value for name, value in BALANCE.items() if name != "hourly_w"} | {"series": 72}

    assert forecast_lines({"datasets": {"homes": many}}) == [
        "homes on 2026-04-01, by ridge version 4: 72 series"
    ]
    assert forecast_lines({}) == []


def test_engines_contest_and_forecast_are_printed_and_a_failure_says_why() -> None:
    said = printed(print_model, DOCUMENT)

    assert "chosen: sklearn" in said
    assert "3.98" in said
    assert "needed more" in said
    assert "consumption_inf36: no forecast yet: 2 whole days" in said
    assert said.index("1.26") < said.index("5.53")


def test_drifted_features_are_named() -> None:
    checked = {"balance": {"last_day": "2026-04-01", "features": 12, "drifted": ["load_1d_w"]}}
    said = printed(print_drift, {"balance": {"checked": checked, "skipped": {"a": "3 days are too few"}}})

    assert "load_1d_w" in said
    assert "1 series have too few days" in said
