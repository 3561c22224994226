"""Rows put in the place of others in a Delta table, so that of two writers who began at the same state one fails.

Who replaces rows makes them of what the table had; a commit that comes in between would be lost. Delta checks that
from the beginning of the write on, and not from the reading before it. So each such commit carries the next number of
a row of transactions, and whoever began before another's commit finds the number taken.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from deltalake import DeltaTable
from pyspark.sql import DataFrame, DataFrameWriter

from courant.stores.delta import transaction_of
from courant.stores.delta_errors import another_job, lake_errors

_APPLICATION = "courant"  # of the transactions of all who replace or add rows here


@dataclass(frozen=True, slots=True)
class TableState:
    """Where a table stood when rows for it began to be made."""

    version: int  # -1: there was no table
    transaction: int  # -1: nobody wrote rows


def read_state(path: str) -> TableState:
    """Give where the table stands."""
    if not DeltaTable.is_deltatable(path):
        return TableState(-1, -1)
    table = DeltaTable(path)
    return TableState(table.version(), transaction_of(table, _APPLICATION))


def replace_partitions(path: str, rows: DataFrame, *, where: str, since: TableState) -> None:
    """Put rows in the place of whole partitions.

    Parameters
    ----------
    rows
        All rows that these partitions are to have.
    where
        Which partitions: a condition on partition columns alone, which all rows meet.
    since
        Where the table stood when the making of `rows` began.

    Raises
    ------
    AnotherWriterError
        If another job wrote rows since then; nothing was written.
    DiskFullError
        If the lake has no room left.
    """
    _commit(path, rows.write.mode("overwrite").option("replaceWhere", where), since)


def replace_all(path: str, rows: DataFrame, *, since: TableState, partition_by: Iterable[str] = ()) -> None:
    """Put rows in the place of the whole table, types included. Raises as `replace_partitions`."""
    writer = rows.write.mode("overwrite").option("overwriteSchema", "true")
    _commit(path, writer.partitionBy(*partition_by) if partition_by else writer, since)


def add_rows(path: str, rows: DataFrame, *, since: TableState) -> None:
    """Add rows that the table did not have. Raises as `replace_partitions`."""
    _commit(path, rows.write.mode("append"), since)


def _commit(path: str, writer: DataFrameWriter, since: TableState) -> None:
    mark = uuid.uuid4().hex
    numbered = (
        writer.format("delta")
        .option("txnAppId", _APPLICATION)
        .option("txnVersion", since.transaction + 1)
        .option("userMetadata", mark)
    )
    with lake_errors(path):
        numbered.save(path)
    if not _is_in_log(
        path, mark, after=since.version
    ):  # Delta passes over a number that is taken, in silence
        raise another_job(path)


def _is_in_log(path: str, mark: str, *, after: int) -> bool:
    table = DeltaTable(path)
    commits = table.history(table.version() - after) if table.version() > after else []
    return any(one.get("userMetadata") == mark for one in commits)
