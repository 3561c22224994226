"""Which days changed since when, as the batches themselves note it in their transactions.

Batches of one data set hold its position rows, so their numbers commit in order: a higher number is later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from pymysql.connections import Connection

from courant.domain.contract import Contract
from courant.stores.mysql.connection import query


@dataclass(frozen=True, slots=True)
class Batch:
    """A committed batch; the run tells it from one of the same number in another life of the database."""

    number: int  # ingest_batch_id
    run_id: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What a data set's batches did since one of them."""

    days: frozenset[date] | None  # UTC days; None where that batch is not known here: all may have changed
    last: Batch | None  # the newest batch; None before the first


def keep_changes(connection: Connection[Any], dataset: str, days: Iterable[date], batch_number: int) -> None:
    """Note that a batch touches these UTC days; does not commit."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO day_change (dataset, day_utc, ingest_batch_id) VALUES (%s, %s, %s)"
            " ON DUPLICATE KEY UPDATE ingest_batch_id = VALUES(ingest_batch_id)",
            [(dataset, day, batch_number) for day in sorted(days)],
        )


def read_changes(connection: Connection[Any], dataset: str, since: Batch | None) -> Changes:
    """Give the UTC days that batches after `since` touched, as far as the connection's snapshot goes."""
    last = _last_batch(connection, dataset)
    if since is None or last is None or not _is_known(connection, dataset, since):
        return Changes(None, last)
    rows = query(
        connection,
        "SELECT day_utc FROM day_change WHERE dataset = %s AND ingest_batch_id > %s",
        (dataset, since.number),
    )
    return Changes(frozenset(row["day_utc"] for row in rows), last)


def read_days(connection: Connection[Any], contract: Contract) -> Iterator[date]:
    """Give the UTC days that have facts in the data set's table, by a look at the key's index for each."""
    if not has_table(connection, contract.table):
        return
    instant = f"`{contract.instant.column}`"
    sql = f"SELECT DATE(MIN({instant})) AS day FROM `{contract.table}` WHERE {instant} >= %s"
    day = query(connection, sql, (date(1000, 1, 1),))[0]["day"]
    while day:
        yield day
        day = query(connection, sql, (day + timedelta(days=1),))[0]["day"]


def has_table(connection: Connection[Any], table: str) -> bool:
    """Tell whether the database has a table; before the first ingest it has none."""
    sql = (
        "SELECT 1 AS there FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = %s"
    )
    return bool(query(connection, sql, (table,)))


def _last_batch(connection: Connection[Any], dataset: str) -> Batch | None:
    if not has_table(connection, "day_change"):
        return None
    rows = query(
        connection,
        "SELECT ingest_batch_id AS number, run_id FROM ingest_batch WHERE dataset = %s"
        " ORDER BY ingest_batch_id DESC LIMIT 1",
        (dataset,),
    )
    return Batch(**rows[0]) if rows else None


def _is_known(connection: Connection[Any], dataset: str, batch: Batch) -> bool:
    rows = query(
        connection,
        "SELECT run_id FROM ingest_batch WHERE dataset = %s AND ingest_batch_id = %s",
        (dataset, batch.number),
    )
    return bool(rows) and rows[0]["run_id"] == batch.run_id
