"""Delta tables: bronze, which knows from its own commits where it stands in the topic.

Spark writes and reads the data; the table's log is read by delta-rs, which needs no JVM and no Spark job.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from courant.errors import AnotherWriterError
from courant.stores.unwritable import unwritable

_HEADER = pa.struct([("key", pa.string()), ("value", pa.binary())])
BRONZE_SCHEMA = pa.schema(
    [
        ("topic", pa.string()),
        ("topic_id", pa.string()),
        ("epoch", pa.int32()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("broker_time_utc", pa.timestamp("us", tz="UTC")),
        ("key", pa.binary()),
        ("value", pa.binary()),
        ("headers", pa.list_(_HEADER)),
        ("ingest_date", pa.date32()),
    ]
)
_EPOCHS = "courant.epochs"  # table property: the topic's lives, with the offsets they start at
_PROPERTIES = {
    "delta.checkpointInterval": "100",
    # No statistics on the raw columns: nothing filters by them, and gathering them costs a parse.
    "delta.dataSkippingStatsColumns": "epoch,partition,offset,broker_time_utc",
}


@dataclass(frozen=True, slots=True)
class BronzeEpoch:
    """One life of the topic in bronze."""

    topic_id: str
    starts: dict[int, int]  # first offset to take, per partition


def bronze_path(lake: Path, dataset: str) -> str:
    """Give the folder of a data set's bronze table."""
    return str(lake / "bronze" / dataset)


def silver_path(lake: Path, dataset: str) -> str:
    """Give the folder of a data set's silver table."""
    return str(lake / "silver" / dataset)


def rejects_path(lake: Path, dataset: str) -> str:
    """Give the folder of a data set's rejects."""
    return str(lake / "rejects" / dataset)


def gold_path(lake: Path, table: str) -> str:
    """Give the folder of a gold table."""
    return str(lake / "gold" / table)


def create_bronze(path: str) -> None:
    """Create the table if it is not there."""
    Path(path).mkdir(parents=True, exist_ok=True)
    DeltaTable.create(
        path, BRONZE_SCHEMA, mode="ignore", partition_by=["ingest_date"], configuration=dict(_PROPERTIES)
    )


def read_bronze(spark: SparkSession, path: str) -> DataFrame:
    """Read bronze, pinned to its newest version; empty where there is no table."""
    if not DeltaTable.is_deltatable(path):
        return spark.createDataFrame(BRONZE_SCHEMA.empty_table())
    return read_table(spark, path)


def read_table(spark: SparkSession, path: str, *, version: int | None = None) -> DataFrame:
    """Read a table, pinned to a version, or to its newest."""
    pinned = DeltaTable(path).version() if version is None else version
    return spark.read.format("delta").option("versionAsOf", pinned).load(path)


def count_rows(path: str) -> int:
    """Count the table's rows by its log's statistics; 0 where there is no table."""
    try:
        files = pa.table(DeltaTable(path).get_add_actions(flatten=True))
    except TableNotFoundError:
        return 0
    return sum(files["num_records"].to_pylist())


def read_epochs(path: str) -> list[BronzeEpoch]:
    """Give the topic's lives that bronze has taken records from, oldest first; none without a table."""
    if not DeltaTable.is_deltatable(path):
        return []
    stored = json.loads(DeltaTable(path).metadata().configuration.get(_EPOCHS, "[]"))
    return [BronzeEpoch(e["topic_id"], {int(p): o for p, o in e["starts"].items()}) for e in stored]


def write_epochs(path: str, epochs: list[BronzeEpoch]) -> None:
    """Keep the topic's lives in the table's own log, so that an older copy of the table is consistent in itself."""
    text = json.dumps([{"topic_id": e.topic_id, "starts": e.starts} for e in epochs])
    DeltaTable(path).alter.set_table_properties({_EPOCHS: text}, raise_if_not_exists=False)


def read_positions(path: str, epoch: BronzeEpoch) -> dict[int, int]:
    """Give the next offset per partition: one past the highest in bronze, or where the epoch starts."""
    rows = DeltaTable(path).to_pyarrow_dataset()
    places = rows.to_table(columns=["partition", "offset"], filter=ds.field("topic_id") == epoch.topic_id)
    highest = places.group_by("partition").aggregate([("offset", "max")]).to_pylist()
    reached = {row["partition"]: row["offset_max"] + 1 for row in highest}
    return {p: max(start, reached.get(p, start)) for p, start in epoch.starts.items()}


def app_id(dataset: str, topic_id: str) -> str:
    """Name the transactions' application: stable for the topic's life, whoever runs."""
    return f"courant/{dataset}/{topic_id}"


def transaction_version(path: str, application: str) -> int:
    """Give the last txnVersion that an application committed; -1 before the first."""
    version = DeltaTable(path).transaction_version(application)
    return -1 if version is None else version


@dataclass(slots=True)
class BronzeSink:
    """Appends batches of one data set, and stops when anyone else does."""

    path: str
    dataset: str
    topic_id: str
    run_id: str
    transform: Callable[[DataFrame], DataFrame]
    version: int  # the txnVersion this driver remembers

    def write(self, records: DataFrame, batch_id: int) -> None:
        """Append one batch.

        Raises
        ------
        AnotherWriterError
            If the table moved without this driver, or its commit was taken for one already made.
        DiskFullError, NotWritableError
            If the lake takes nothing more.
        """
        table = DeltaTable(self.path)
        stored = table.transaction_version(app_id(self.dataset, self.topic_id))
        if (-1 if stored is None else stored) != self.version:
            raise self._another_writer(f"transaction {stored}")
        mark = f"{self.run_id}/{batch_id}"
        try:
            self._append(records, mark)
        except (PySparkException, Py4JJavaError) as error:
            raise self._translated(error) from error
        if not self._is_mine(mark, before=table.version()):
            raise self._another_writer("this batch's number")
        self.version += 1

    def _append(self, records: DataFrame, mark: str) -> None:
        (
            records.transform(self.transform)
            .write.format("delta")
            .mode("append")
            .option("txnAppId", app_id(self.dataset, self.topic_id))
            .option("txnVersion", self.version + 1)
            .option("userMetadata", mark)
            .save(self.path)
        )

    def _is_mine(self, mark: str, *, before: int) -> bool:
        """Tell whether a commit after `before` carries this batch's mark: Delta skips a known number in silence."""
        table = DeltaTable(self.path)
        commits = table.history(table.version() - before) if table.version() > before else []
        return any(commit.get("userMetadata") == mark for commit in commits)

    def _another_writer(self, found: str) -> AnotherWriterError:
        return AnotherWriterError(
            f"Bronze {self.path} was expected at transaction {self.version} but another ingest wrote {found}",
            remedy="stop one of the two (`ps -ef | grep ingest_readings`); "
            "then start again, nothing is lost or doubled",
        )

    def _translated(self, error: Exception) -> Exception:
        text = str(error)
        if "ConcurrentTransactionException" in text or "DELTA_CONCURRENT_TRANSACTION" in text:
            return self._another_writer(f"transaction {self.version + 1}")
        return unwritable(self.path, error) or error
