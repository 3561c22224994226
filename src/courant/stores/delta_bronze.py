"""Appends to bronze: Spark writes a batch's data files, delta-rs commits them right behind the version it looked at.

Spark's own commit to a Delta table costs a small batch seconds of a core, and on a local disk it is a rename, which
may replace another writer's. This one is a hard link, which never does.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import tenacity
from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.transaction import AddAction, RemoveAction
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame

from courant.errors import AnotherWriterError
from courant.stores.delta import BRONZE_SCHEMA, PARTITION_BY, STATISTICS, app_id, transaction_of
from courant.stores.unwritable import unwritable

_ATTEMPTS = 20  # of a commit that meets the upkeep's


@dataclass(slots=True)
class BronzeSink:
    """Appends batches of one data set, and stops when anyone else does."""

    path: str
    dataset: str
    topic_id: str
    run_id: str
    scratch: Path  # on the lake's disk; what a killed driver leaves there is nobody's
    transform: Callable[[DataFrame], DataFrame]
    version: int  # the txnVersion this driver remembers

    def write(self, records: DataFrame, batch_id: int) -> None:
        """Append one batch.

        Raises
        ------
        AnotherWriterError
            If the table moved without this driver.
        DiskFullError, NotWritableError
            If the lake takes nothing more.
        """
        try:
            files = self._write_files(records, self.scratch / f"batch-{batch_id}")
            if files:
                self._commit([_added(Path(self.path), file) for file in files], f"{self.run_id}/{batch_id}")
        except (PySparkException, Py4JJavaError, DeltaError, OSError) as error:
            if ours := unwritable(self.path, error):
                raise ours from error
            raise

    def _write_files(self, records: DataFrame, apart: Path) -> list[Path]:
        """Let Spark write data files, and put them into the table's folder, where no reader looks before the commit.

        Nobody ever deletes them here: an error does not tell that a commit has not been made. The upkeep knows.
        """
        rows = records.transform(self.transform)
        rows.write.partitionBy(*PARTITION_BY).parquet(str(apart))
        written = [
            (file, Path(self.path, file.relative_to(apart))) for file in sorted(apart.rglob("*.parquet"))
        ]
        for file, place in written:
            place.parent.mkdir(exist_ok=True)
            shutil.move(file, place)
        shutil.rmtree(apart)
        return [place for _, place in written]

    def _commit(self, files: list[AddAction | RemoveAction], mark: str) -> None:
        """Commit right behind the version that was looked at; where the upkeep was quicker, look again."""
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(CommitFailedError),
            stop=tenacity.stop_after_attempt(_ATTEMPTS),
            reraise=True,
        )
        for attempt in retrying:
            with attempt:
                table = DeltaTable(self.path)
                stored = transaction_of(table, app_id(self.dataset, self.topic_id))
                if stored != self.version:
                    raise self._another_writer(stored)
                self._append(table, files, mark)
        self.version += 1

    def _append(self, table: DeltaTable, files: list[AddAction | RemoveAction], mark: str) -> None:
        table.create_write_transaction(
            files,
            mode="append",
            schema=BRONZE_SCHEMA,
            partition_by=list(PARTITION_BY),
            commit_properties=CommitProperties(
                custom_metadata={"userMetadata": mark},
                app_transactions=[Transaction(app_id(self.dataset, self.topic_id), self.version + 1)],
                max_commit_retries=0,  # behind this version or not at all
            ),
        )

    def _another_writer(self, found: int) -> AnotherWriterError:
        return AnotherWriterError(
            f"Bronze {self.path} was expected at transaction {self.version} but another ingest wrote up to {found}",
            remedy="stop one of the two (`ps -ef | grep ingest_readings`); "
            "then start again, nothing is lost or doubled",
        )


def _added(table: Path, file: Path) -> AddAction:
    """Describe a data file as the log does."""
    place, stat = file.relative_to(table), file.stat()
    return AddAction(
        path=str(place),
        size=stat.st_size,
        partition_values=dict(part.split("=", 1) for part in place.parts[:-1]),
        modification_time=round(stat.st_mtime * 1000),
        data_change=True,
        stats=json.dumps(_statistics(file)),
    )


def _statistics(file: Path) -> dict[str, Any]:
    """Read a file's statistics out of its footer."""
    footer = pq.read_metadata(file)
    places = {footer.schema.column(n).path: n for n in range(footer.num_columns)}
    groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
    by_column = {name: [group.column(places[name]).statistics for group in groups] for name in STATISTICS}
    return {
        "numRecords": footer.num_rows,
        "minValues": {name: _text(min(one.min for one in found)) for name, found in by_column.items()},
        "maxValues": {name: _text(max(one.max for one in found)) for name, found in by_column.items()},
        "nullCount": {name: sum(one.null_count for one in found) for name, found in by_column.items()},
    }


def _text(value: int | datetime) -> int | str:
    """Write an instant as the log does: in milliseconds, which is what Kafka's have."""
    return value if isinstance(value, int) else f"{value:%FT%T}.{value.microsecond // 1000:03d}Z"
