"""Delta tables: where each one lies, and what bronze's log and places tell of where it stands in the topic.

Logs are read by delta-rs, which needs no JVM and no Spark job.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError
from pyspark.sql import DataFrame, SparkSession

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
PARTITION_BY = ("ingest_date",)
#: No statistics on the raw columns: nothing filters by them, and gathering them costs a parse.
STATISTICS = ("epoch", "partition", "offset", "broker_time_utc")
_EPOCHS = "courant.epochs"  # table property: the topic's lives, with the offsets they start at
_PROPERTIES = {
    "delta.checkpointInterval": "100",
    "delta.dataSkippingStatsColumns": ",".join(STATISTICS),
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
        path, BRONZE_SCHEMA, mode="ignore", partition_by=list(PARTITION_BY), configuration=dict(_PROPERTIES)
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
    return transaction_of(DeltaTable(path), application)


def transaction_of(table: DeltaTable, application: str) -> int:
    """Give the same as the given version of the table has it."""
    version = table.transaction_version(application)
    return -1 if version is None else version
