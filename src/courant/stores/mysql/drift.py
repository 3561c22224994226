"""What is kept of each check for drift: a row for a feature that was compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from pymysql.connections import Connection

from courant.stores.mysql.connection import query

DRIFT, NO_DRIFT = "DRIFT DETECTED", "no drift"


def is_known_drift(connection: Connection[Any], series: str, last_day: date) -> bool:
    """Say whether a check of these days has found drift before."""
    sql = "SELECT 1 FROM drift WHERE series = %s AND last_day = %s AND is_drift LIMIT 1"
    return bool(query(connection, sql, (series, last_day)))


def replace_check(
    connection: Connection[Any], series: str, last_day: date, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Put a check in the place of an earlier one of the same days. The caller commits.

    Parameters
    ----------
    rows
        A feature each: `feature`, `dataset`, `ks`, `p_adjusted`, `psi`, `is_drift` and `checked_at` (UTC, naive).
    """
    check = {"series": series, "last_day": last_day}
    named = [{**row, **check, "verdict": DRIFT if row["is_drift"] else NO_DRIFT} for row in rows]
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM drift WHERE series = %s AND last_day = %s", (series, last_day))
        cursor.executemany(
            "INSERT INTO drift (series, last_day, feature, dataset, ks_statistic, p_adjusted, psi, is_drift, verdict,"
            " checked_at) VALUES (%(series)s, %(last_day)s, %(feature)s, %(dataset)s, %(ks)s, %(p_adjusted)s,"
            " %(psi)s, %(is_drift)s, %(verdict)s, %(checked_at)s)",
            named,
        )
