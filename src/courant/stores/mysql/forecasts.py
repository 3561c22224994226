"""Forecasts and how they fared, as rows for SQL and Power BI; written anew, they change nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pymysql.connections import Connection

FORECAST_COLUMNS = (
    "series", "slot_start_utc", "dataset", "paris_day", "slot", "power_w", "low_w", "high_w", "model",
    "model_version", "made_at",
)  # fmt: skip
SCORE_COLUMNS = (
    "series", "paris_day", "dataset", "model", "model_version", "mape_percent", "mae_w", "rmse_w",
    "inside_interval", "scored_at",
)  # fmt: skip
Row = Mapping[str, Any]


def replace_forecasts(connection: Connection[Any], rows: Sequence[Row]) -> None:
    """Put forecasts of half hours in the place of earlier ones; rows have `FORECAST_COLUMNS`. The caller commits."""
    _replace(connection, "forecast", FORECAST_COLUMNS, rows)


def replace_scores(connection: Connection[Any], rows: Sequence[Row]) -> None:
    """Put scores of days in the place of earlier ones; rows have `SCORE_COLUMNS`. The caller commits."""
    _replace(connection, "forecast_score", SCORE_COLUMNS, rows)


def _replace(connection: Connection[Any], table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
    marks = ", ".join(f"%({name})s" for name in columns)
    newer = ", ".join(f"{name} = VALUES({name})" for name in columns)
    sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks}) ON DUPLICATE KEY UPDATE {newer}"
    with connection.cursor() as cursor:
        cursor.executemany(sql, [dict(row) for row in rows])
