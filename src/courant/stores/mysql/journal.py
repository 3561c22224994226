"""What a batch leaves beside its facts, in their transaction: a row of `ingest_batch`, and the days it touched."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from courant.stores.mysql.batch import Account
from courant.stores.mysql.connection import LoadConnection
from courant.stores.mysql.day_changes import keep_changes


@dataclass(frozen=True, slots=True)
class BatchName:
    """Who wrote a batch: a run of the ingest, of a replay of rejects, or of a rebuild."""

    dataset: str
    run_id: str
    batch_id: int


def keep_batch(
    connection: LoadConnection, name: BatchName, done: Account, days: Iterable[date], *, load_ms: int
) -> None:
    """Insert the batch's account, and note the UTC days it touched; does not commit."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO ingest_batch (dataset, run_id, batch_id, committed_at, rows_in, accepted, rejected,"
            " warnings, load_ms, latency_p50_ms, latency_p95_ms, latency_max_ms)"
            " VALUES (%s, %s, %s, UTC_TIMESTAMP(3), %s, %s, %s, %s, %s, %s, %s, %s)",
            (name.dataset, name.run_id, name.batch_id, done.rows_in, done.accepted, done.rejected,
             json.dumps(done.warnings), load_ms, done.latency_p50_ms, done.latency_p95_ms, done.latency_max_ms),
        )  # fmt: skip
        number = int(cursor.lastrowid)
    keep_changes(connection, name.dataset, days, number)
