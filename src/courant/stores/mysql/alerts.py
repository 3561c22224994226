"""Alerts, how each rule stands, and how far their topic was read: kept in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from pymysql.connections import Connection

from courant.domain.alert import Alert, Delivery, Standing, sentence
from courant.stores.mysql.connection import query
from courant.stores.mysql.day_changes import has_table

Key = tuple[str, str]
_STANDING = tuple(Standing.__dataclass_fields__)
_ALERT = (
    "alert_id", "rule", "kind", "dataset", "subject", "severity", "state", "value", "threshold", "unit", "message",
    "slot_start_utc", "raised_at", "kept_at", "delivery", "owed_to",
)  # fmt: skip


def read_positions(connection: Connection[Any], topic_id: str) -> dict[int, int]:
    """Give the next offset by partition; empty for a topic that was never read."""
    sql = "SELECT partition_id, next_offset FROM alert_position WHERE topic_id = %s"
    return {row["partition_id"]: row["next_offset"] for row in query(connection, sql, (topic_id,))}


def write_positions(connection: Connection[Any], topic_id: str, positions: Mapping[int, int]) -> None:
    """Note how far the topic was read. The caller commits."""
    rows = [(topic_id, partition, offset) for partition, offset in positions.items()]
    _insert(connection, "alert_position", ("topic_id", "partition_id", "next_offset"), rows, replaces=True)


def known_ids(connection: Connection[Any], ids: Sequence[str]) -> set[str]:
    """Give those of the ids that are kept already."""
    if not ids:
        return set()
    marks = ", ".join(["%s"] * len(ids))
    rows = query(connection, f"SELECT alert_id FROM alert WHERE alert_id IN ({marks})", tuple(ids))
    return {row["alert_id"] for row in rows}


def add_alerts(
    connection: Connection[Any], judged: Iterable[tuple[Alert, Delivery]], *, now: datetime, owed_to: str
) -> None:
    """Keep alerts with what becomes of each; those for people are owed to channels. The caller commits."""
    rows = [
        tuple(_row(alert, delivery, now, owed_to if delivery is Delivery.PENDING else "")[c] for c in _ALERT)
        for alert, delivery in judged
    ]
    _insert(connection, "alert", _ALERT, rows)


def add_unread(
    connection: Connection[Any], topic_id: str, rows: Iterable[tuple[int, int, bytes | None, str]]
) -> None:
    """Keep records of the topic that are no alerts: partition, offset, bytes and the reason. The caller commits."""
    columns = ("topic_id", "partition_id", "record_offset", "raw", "reason")
    _insert(connection, "alert_unread", columns, [(topic_id, *row) for row in rows], replaces=True)


def read_standings(connection: Connection[Any], keys: Sequence[Key]) -> dict[Key, Standing]:
    """Give how rules stand for these subjects; those never raised are left out."""
    if not keys:
        return {}
    marks = ", ".join(["(%s, %s)"] * len(keys))
    sql = f"SELECT * FROM alert_standing WHERE (rule, subject) IN ({marks})"
    return _standings(query(connection, sql, tuple(part for key in keys for part in key)))


def read_raised(connection: Connection[Any]) -> dict[Key, Standing]:
    """Give all that is raised."""
    return _standings(query(connection, "SELECT * FROM alert_standing WHERE is_raised"))


def write_standings(connection: Connection[Any], standings: Iterable[Standing]) -> None:
    """Note how rules stand. The caller commits."""
    rows = [
        tuple(_naive(value) if isinstance(value, datetime) else value for value in asdict(one).values())
        for one in standings
    ]
    _insert(connection, "alert_standing", _STANDING, rows, replaces=True)


def owe_again(connection: Connection[Any], alert_id: str, owed_to: str) -> None:
    """Have a kept alert told after all. The caller commits."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE alert SET delivery = %s, owed_to = %s WHERE alert_id = %s",
            (str(Delivery.PENDING), owed_to, alert_id),
        )


def read_owed(connection: Connection[Any], *, count: int) -> list[dict[str, Any]]:
    """Give the oldest alerts that people have to be told of, with how often each was raised by now."""
    return query(
        connection,
        "SELECT a.*, s.alerts FROM alert a LEFT JOIN alert_standing s ON s.rule = a.rule AND s.subject = a.subject"
        " WHERE a.delivery = %s ORDER BY a.kept_at, a.alert_id LIMIT %s",
        (str(Delivery.PENDING), count),
    )


def settle(
    connection: Connection[Any], alert_id: str, delivery: Delivery, *, owed_to: str, now: datetime
) -> None:
    """Note what became of telling people. The caller commits."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE alert SET delivery = %s, owed_to = %s, delivered_at = %s WHERE alert_id = %s",
            (str(delivery), owed_to, _naive(now) if delivery is Delivery.SENT else None, alert_id),
        )


def newest_reading(connection: Connection[Any], view: str, keys: Mapping[str, str]) -> dict[str, Any] | None:
    """Give the newest row of a view with these values; None where there is none, or no view yet."""
    if not has_table(connection, view):
        return None
    where = "".join(f" AND `{column}` = %s" for column in keys)
    sql = f"SELECT * FROM `{view}` WHERE TRUE{where} ORDER BY slot_start_utc DESC LIMIT 1"
    rows = query(connection, sql, tuple(keys.values()))
    return rows[0] if rows else None


def _row(alert: Alert, delivery: Delivery, now: datetime, owed_to: str) -> dict[str, Any]:
    values = asdict(alert) | {
        "message": sentence(alert),
        "slot_start_utc": alert.slot_start and _naive(alert.slot_start),
        "raised_at": _naive(alert.raised_at),
        "kept_at": _naive(now),
        "delivery": delivery,
        "owed_to": owed_to,
    }
    return {name: str(value) if isinstance(value, str) else value for name, value in values.items()}


def _standings(rows: Iterable[Mapping[str, Any]]) -> dict[Key, Standing]:
    found = {}
    for row in rows:
        values: dict[str, Any] = {
            name: value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
            for name, value in row.items()
        }
        booleans = {name: bool(values[name]) for name in ("is_raised", "is_told")}
        found[row["rule"], row["subject"]] = Standing(**values | booleans)
    return found


def _insert(
    connection: Connection[Any],
    table: str,
    columns: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
    *,
    replaces: bool = False,
) -> None:
    marks = ", ".join(["%s"] * len(columns))
    newer = ", ".join(f"{name} = VALUES({name})" for name in columns)
    sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"
    with connection.cursor() as cursor:
        cursor.executemany(sql + f" ON DUPLICATE KEY UPDATE {newer}" * replaces, rows)


def _naive(instant: datetime) -> datetime:
    return instant.astimezone(UTC).replace(tzinfo=None)
