"""Delta tables that follow bronze: made and widened from a schema, changed by key, and aware of how far they read.

The same records taken in twice change nothing. So the stored position only saves work; one that lags behind the
rows, as after a kill between the two commits, costs a second look at records that are there already.
"""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.dataset as ds
from delta.tables import DeltaTable as SparkTable
from deltalake import DeltaTable
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import types as T
from pyspark.sql.pandas.types import to_arrow_schema

from courant.errors import SchemaConflictError
from courant.stores.delta_errors import lake_errors

_POSITIONS = "courant.positions"  # table property: how far of bronze is in it
_PROPERTIES = {"delta.checkpointInterval": "20"}
Positions = tuple[int, dict[int, int]]  # bronze's latest epoch, and the next offset per partition in it


def ensure_table(path: str, schema: T.StructType, *, partition_by: str | None = None) -> None:
    """Create the table, or add the columns that the schema gained: null for the past, nothing is rewritten.

    Raises
    ------
    SchemaConflictError
        If a column is there with another type.
    """
    if not DeltaTable.is_deltatable(path):
        Path(path).mkdir(parents=True, exist_ok=True)
        arrow = to_arrow_schema(schema, timezone="UTC")
        DeltaTable.create(
            path, arrow, mode="ignore", partition_by=partition_by, configuration=dict(_PROPERTIES)
        )
        return
    table = DeltaTable(path)
    there = T.StructType.fromJson(json.loads(table.schema().to_json()))
    types = {field.name: field.dataType for field in there}
    for field in schema:
        if field.name in types and types[field.name] != field.dataType:
            raise SchemaConflictError(
                f"{path} has {field.name} as {types[field.name].simpleString()}, "
                f"but the contract wants {field.dataType.simpleString()}",
                remedy="keep the old type, or raise the contract's version, remove the table and rebuild it "
                "from bronze",
            )
    gained = [field for field in schema if field.name not in types]
    if gained:
        from deltalake import Schema as DeltaSchema  # noqa: PLC0415 - rare

        table.alter.add_columns(DeltaSchema.from_json(T.StructType(gained).json()).fields)


def update_known(  # noqa: PLR0913 - the parts of one merge
    spark: SparkSession,
    path: str,
    rows: DataFrame,
    *,
    keys: tuple[str, ...],
    condition: str,
    values: dict[str, Column],
) -> None:
    """Set columns of the rows `t` whose key occurs in `rows` and that meet a condition.

    Raises
    ------
    AnotherWriterError
        If another job changed the same rows at the same time; nothing was written.
    DiskFullError
        If the lake has no room left.
    """
    same_key = " AND ".join(f"t.`{key}` = s.`{key}`" for key in keys)
    merge = SparkTable.forPath(spark, path).alias("t").merge(rows.alias("s"), same_key)
    with lake_errors(path):
        merge.whenMatchedUpdate(condition=condition, set=dict(values)).execute()


def stored_position(path: str) -> Positions:
    """Give how far of bronze the table has at least; (-1, {}) before the first run."""
    if not DeltaTable.is_deltatable(path):
        return -1, {}
    text = DeltaTable(path).metadata().configuration.get(_POSITIONS)
    if not text:
        return -1, {}
    found = json.loads(text)
    return found["epoch"], {int(p): o for p, o in found["next"].items()}


def store_position(path: str, position: Positions) -> None:
    """Keep how far of bronze the table has, in the table itself: an older copy of the lake is consistent."""
    text = json.dumps({"epoch": position[0], "next": position[1]})
    DeltaTable(path).alter.set_table_properties({_POSITIONS: text}, raise_if_not_exists=False)


def position_of(bronze: str, version: int, since: Positions) -> tuple[Positions, int]:
    """Give how far bronze goes at a version, and how many records come after `since`."""
    epoch, known = since
    is_new = ds.field("epoch") > epoch
    if known:
        is_new |= (ds.field("epoch") == epoch) & ~ds.field("partition").isin(list(known))
    for partition, offset in known.items():
        here = (ds.field("epoch") == epoch) & (ds.field("partition") == partition)
        is_new |= here & (ds.field("offset") >= offset)
    dataset = DeltaTable(bronze, version=version).to_pyarrow_dataset()
    places = dataset.to_table(columns=["epoch", "partition", "offset"], filter=is_new)
    grouped = places.group_by(["epoch", "partition"]).aggregate([("offset", "max")]).to_pylist()
    latest = max([epoch, *[row["epoch"] for row in grouped]])
    reached = {row["partition"]: row["offset_max"] + 1 for row in grouped if row["epoch"] == latest}
    return (latest, (known if latest == epoch else {}) | reached), places.num_rows
