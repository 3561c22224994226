"""Alerts from the topic into MySQL: each kept once, with its rule's standing and the position, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from courant.domain.alert import Alert, Delivery, Standing, from_message, judge, overdue
from courant.errors import AlertFormatError
from courant.stores.kafka.alerts import AlertRecord
from courant.stores.mysql import alerts as store
from courant.stores.mysql.connection import LoadConnection

Unread = tuple[int, int, bytes | None, str]


def keep(  # noqa: PLR0913 - an edge
    connection: LoadConnection,
    topic_id: str,
    records: Sequence[AlertRecord],
    *,
    now: datetime,
    cooldown: timedelta,
    channels: Sequence[str],
) -> list[tuple[Alert, Delivery]]:
    """Keep what was read, and commit. What is no alert is kept apart with the reason; what is known changes nothing.

    Parameters
    ----------
    channels
        Whom an alert that is for people is owed to; without any, it stays unaddressed.

    Returns
    -------
    list
        The alerts that were new, each with what becomes of it.
    """
    alerts, unread = _parse(records)
    fresh = _only_new(alerts, store.known_ids(connection, [alert.alert_id for alert in alerts]))
    standings = store.read_standings(connection, list({alert.key for alert in fresh}))
    judged = _judge_all(fresh, standings, now, cooldown)
    if not channels:
        judged = [(a, Delivery.UNADDRESSED if d is Delivery.PENDING else d) for a, d in judged]
    store.add_alerts(connection, judged, now=now, owed_to=",".join(channels))
    store.write_standings(connection, standings.values())
    store.add_unread(connection, topic_id, unread)
    store.write_positions(connection, topic_id, _behind(records))
    connection.commit()
    return judged


def tell_overdue(
    connection: LoadConnection, *, now: datetime, cooldown: timedelta, channels: Sequence[str]
) -> None:
    """Have people told of what came back within a cool-down and still goes on now that it is over; commit."""
    due = [one for one in store.read_raised(connection).values() if overdue(one, now, cooldown)]
    for standing in due:
        if channels:
            store.owe_again(connection, standing.last_alert_id, ",".join(channels))
    store.write_standings(connection, [replace(standing, told_at=now, is_told=True) for standing in due])
    connection.commit()


def _parse(records: Iterable[AlertRecord]) -> tuple[list[Alert], list[Unread]]:
    alerts, unread = [], []
    for record in records:
        try:
            alerts.append(from_message(record.value))
        except AlertFormatError as error:
            unread.append((record.partition, record.offset, record.value, error.message))
    return alerts, unread


def _only_new(alerts: Iterable[Alert], known: set[str]) -> list[Alert]:
    """Leave out what is kept already, and what came twice in one go."""
    return list({alert.alert_id: alert for alert in alerts if alert.alert_id not in known}.values())


def _judge_all(
    alerts: Iterable[Alert], standings: dict[store.Key, Standing], now: datetime, cooldown: timedelta
) -> list[tuple[Alert, Delivery]]:
    """Judge alerts in order; the standings change with each."""
    judged = []
    for alert in alerts:
        standings[alert.key], delivery = judge(standings.get(alert.key), alert, now, cooldown)
        judged.append((alert, delivery))
    return judged


def _behind(records: Iterable[AlertRecord]) -> Mapping[int, int]:
    return {record.partition: record.offset + 1 for record in records}  # the last one of each counts
