"""What became of rejected records: open, or replayed after their contract was mended."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import pyarrow as pa
from pymysql.connections import Connection

from courant.stores.mysql.connection import LoadConnection, query
from courant.stores.mysql.positions import Epoch
from courant.stores.mysql.staging import Place

#: The rule's name of a record that only the database refused begins like this.
DATABASE_RULE = "mysql:"

FATE_SCHEMA = pa.schema(
    [
        ("topic_id", pa.string()),
        ("epoch", pa.int32()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("rules", pa.string()),
        ("contract_version", pa.string()),
        ("replayed_at_utc", pa.timestamp("us", tz="UTC")),
    ]
)


def read_fates(connection: Connection[Any], dataset: str) -> pa.Table:
    """Give every reject of a data set, columns of `FATE_SCHEMA`; `replayed_at_utc` is null for an open one."""
    rows = query(
        connection,
        "SELECT r.topic_id, e.epoch, r.partition_id AS `partition`, r.record_offset AS `offset`, r.rules,"
        " r.contract_version, r.replayed_at AS replayed_at_utc FROM reject r"
        " JOIN topic_epoch e ON e.dataset = r.dataset AND e.topic_id = r.topic_id WHERE r.dataset = %s",
        (dataset,),
    )
    for row in rows:
        row["replayed_at_utc"] = row["replayed_at_utc"] and row["replayed_at_utc"].replace(tzinfo=UTC)
    return pa.Table.from_pylist(rows, schema=FATE_SCHEMA)


def name_refusals(
    connection: LoadConnection,
    dataset: str,
    version: str,
    epochs: tuple[Epoch, ...],
    refused: dict[Place, int],
) -> int:
    """Say of open rejects that by now only the database refuses them; give the number of those that said otherwise."""
    topics = {epoch.number: epoch.topic_id for epoch in epochs}
    rows = [
        (
            f"{DATABASE_RULE}{errno}",
            version,
            dataset,
            topics[epoch],
            partition,
            offset,
            f"{DATABASE_RULE}{errno}",
        )
        for (epoch, partition, offset), errno in sorted(refused.items())
    ]
    with connection.cursor() as cursor:
        changed = cursor.executemany(
            "UPDATE reject SET rules = %s, contract_version = %s WHERE dataset = %s AND topic_id = %s"
            " AND partition_id = %s AND record_offset = %s AND rules <> %s",
            rows,
        )
        return int(changed or 0)
