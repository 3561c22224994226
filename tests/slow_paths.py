"""What the tests of replay and rebuild share: everything that the layers hold, to compare before and after."""

from __future__ import annotations

from typing import Any

from ingesting import ask
from lakes import table

from courant.domain.contract import Contract
from courant.settings import Settings
from courant.stores import delta

#: What a reject is; when it was rejected is not part of it.
REJECT = "topic_id, partition_id, record_offset, message_key, raw, rules, contract_version, replayed_at"

Rows = list[Any]


def in_mysql(settings: Settings, contract: Contract) -> dict[str, Rows]:
    """Give facts, members and rejects, each in an order of its own."""
    tables = {contract.table, *(dimension.table for dimension in contract.dimensions)}
    rows = {name: sorted(ask(settings, f"SELECT * FROM `{name}`"), key=str) for name in tables}
    rejects = f"SELECT {REJECT} FROM reject WHERE dataset = %s ORDER BY 1, 2, 3"
    return rows | {"reject": ask(settings, rejects, (contract.name,))}


def in_lake(settings: Settings, contract: Contract) -> dict[str, Rows]:
    """Give silver's rows and the lake's rejects, each in an order of its own."""
    lake, name = settings.lake.root, contract.name
    paths = {"silver": delta.silver_path(lake, name), "rejects": delta.rejects_path(lake, name)}
    return {layer: sorted(table(path).to_pylist(), key=str) for layer, path in paths.items()}


def everything(settings: Settings, contract: Contract) -> dict[str, Rows]:
    """Give both, and the accounts of all batches."""
    batches = {"ingest_batch": ask(settings, "SELECT * FROM ingest_batch ORDER BY 1")}
    return in_mysql(settings, contract) | in_lake(settings, contract) | batches
