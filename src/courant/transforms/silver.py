"""Bronze records become silver rows: typed by the contract, one per natural key, with the Paris calendar."""

from __future__ import annotations

import re
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from courant.domain.calendar import PARIS, SEASONS, SLOT_MINUTES, holidays_of
from courant.domain.contract import Contract, DimensionColumn, Field, FieldType
from courant.transforms.records import DataFrameTransform, from_bronze, with_typed_fields, with_verdict

PARTITION_COLUMN = "paris_day"
SOURCE_COLUMNS = ("source_epoch", "source_partition", "source_offset")
REJECT_KEY = ("topic_id", "partition", "offset")

_RULES = "_broken_rules"
_HOLIDAY_YEARS = range(2000, 2061)
_CALENDAR = {
    PARTITION_COLUMN: T.DateType(),
    "slot": T.IntegerType(),
    "weekday": T.IntegerType(),
    "is_holiday": T.BooleanType(),
    "season": T.StringType(),
}
_REJECT_SCHEMA = {
    "topic_id": T.StringType(),
    "epoch": T.IntegerType(),
    "partition": T.IntegerType(),
    "offset": T.LongType(),
    "broker_time_utc": T.TimestampType(),
    "key": T.BinaryType(),
    "value": T.BinaryType(),
    "rules": T.StringType(),
    "contract_version": T.StringType(),
    "replayed_at_utc": T.TimestampType(),  # null while it waits for a mended contract
}


def silver_schema(contract: Contract) -> T.StructType:
    """Give the columns of a data set's silver table: its fields, what its dimensions derive, calendar, source."""
    fields = {field.column: _spark_type(field) for field in contract.fields}
    derived = {column.name: _sql_to_spark(column.sql_type) for column in derived_columns(contract)}
    source = dict(zip(SOURCE_COLUMNS, (T.IntegerType(), T.IntegerType(), T.LongType()), strict=True))
    columns = fields | derived | _CALENDAR | source | {"contract_version": T.StringType()}
    return T.StructType([T.StructField(name, kind) for name, kind in columns.items()])


def rejects_schema() -> T.StructType:
    """Give the columns of a rejects table: a record as bronze has it, and the rules it broke."""
    return T.StructType([T.StructField(name, kind) for name, kind in _REJECT_SCHEMA.items()])


def key_columns(contract: Contract) -> tuple[str, ...]:
    """Name the natural key's columns in silver."""
    return tuple(field.column for field in contract.key_fields)


def derived_columns(contract: Contract) -> list[DimensionColumn]:
    """Give what dimensions say of a record beyond its own fields: is_total, the bounds of a range."""
    names = {name for field in contract.fields for name in (field.name, field.column)}
    found = {c.name: c for d in contract.dimensions for c in d.columns if not c.is_natural_key}
    return [column for name, column in found.items() if name not in names]


def to_judged(contract: Contract) -> DataFrameTransform:
    """Parse and judge bronze rows once, for both tables.

    Returns
    -------
    A transform from bronze's columns to those of silver (null for a rejected record), those of rejects
    (`value` null for an accepted one), and `_broken_rules`.
    """

    def transform(bronze: DataFrame) -> DataFrame:
        records = bronze.transform(from_bronze)
        judged = records.transform(with_typed_fields(contract)).transform(with_verdict(contract))
        fields = [F.col(field.name).alias(field.column) for field in contract.fields]
        derived = [
            F.expr(c.expression).cast(_sql_to_spark(c.sql_type)).alias(c.name)
            for c in derived_columns(contract)
        ]
        rows = judged.select(
            *fields,
            *derived,
            F.col("epoch").alias("source_epoch"),
            F.col("_partition").alias("source_partition"),
            F.col("_offset").alias("source_offset"),
            F.lit(contract.version).alias("contract_version"),
            "topic_id",
            F.col("_timestamp").alias("broker_time_utc"),
            F.when(F.col(_RULES).isNotNull(), F.col("_key")).alias("key"),
            F.when(F.col(_RULES).isNotNull(), F.col("_value")).alias("value"),
            _RULES,
        )
        return rows.withColumns(_calendar(F.col(contract.instant.column)))

    return transform


def to_accepted(contract: Contract, judged: DataFrame) -> DataFrame:
    """Keep the accepted records, with silver's columns."""
    return judged.where(F.col(_RULES).isNull()).select([field.name for field in silver_schema(contract)])


def to_newest(contract: Contract, rows: DataFrame) -> DataFrame:
    """Keep one of silver's rows per natural key: the one of the latest epoch, and in it of the highest offset.

    One sort serves both this and a write by day, which is why rows of one day are brought together first.
    """
    key = Window.partitionBy(PARTITION_COLUMN, *key_columns(contract))
    newest_first = key.orderBy(F.desc("source_epoch"), F.desc("source_offset"))
    numbered = rows.repartition(PARTITION_COLUMN).withColumn("_nth", F.row_number().over(newest_first))
    return numbered.where("_nth = 1").drop("_nth")


def to_rejects(judged: DataFrame) -> DataFrame:
    """Keep the rejected records as they arrived, with the names of the rules they broke."""
    return judged.where(F.col(_RULES).isNotNull()).select(
        "topic_id",
        F.col("source_epoch").alias("epoch"),
        F.col("source_partition").alias("partition"),
        F.col("source_offset").alias("offset"),
        "broker_time_utc",
        "key",
        "value",
        F.col(_RULES).alias("rules"),
        "contract_version",
        F.lit(None).cast("timestamp").alias("replayed_at_utc"),
    )


def from_positions(epoch: int, positions: dict[int, int]) -> Column:
    """Say which bronze rows come after these positions (next offset per partition) of an epoch."""
    here = [
        (F.col("epoch") == epoch) & (F.col("partition") == partition) & (F.col("offset") >= offset)
        for partition, offset in positions.items()
    ]
    unseen = (F.col("epoch") == epoch) & ~F.col("partition").isin(list(positions))
    return reduce(Column.__or__, here, (F.col("epoch") > epoch) | unseen)


def _calendar(instant: Column) -> dict[str, Column]:
    """Give the Paris calendar of an instant; the half hours are counted by elapsed time since midnight."""
    day = F.to_date(F.from_utc_timestamp(instant, PARIS.key))
    midnight = F.to_utc_timestamp(day.cast("timestamp"), PARIS.key)
    elapsed_s = F.unix_timestamp(instant) - F.unix_timestamp(midnight)
    season = F.array(*[F.lit(name) for name in SEASONS])
    holidays = sorted(day for year in _HOLIDAY_YEARS for day in holidays_of(year))
    return {
        PARTITION_COLUMN: day,
        "slot": (F.floor(elapsed_s / (SLOT_MINUTES * 60)) + 1).cast("int"),
        "weekday": F.weekday(day) + 1,
        "is_holiday": day.isin(holidays),
        "season": F.get(season, F.floor((F.month(day) % 12) / 3).cast("int")),
    }


def _spark_type(field: Field) -> T.DataType:
    if field.type is FieldType.DECIMAL:
        return T.DecimalType(field.precision, field.scale)
    plain = {
        FieldType.STRING: T.StringType(),
        FieldType.INTEGER: T.LongType(),
        FieldType.INSTANT: T.TimestampType(),
    }
    return plain[field.type]


def _sql_to_spark(sql_type: str) -> T.DataType:
    """Give the Spark type of a derived column, from the MySQL type that the contract declares."""
    name = re.split(r"[\s(]", sql_type.upper())[0]
    if name == "DECIMAL":
        precision, scale = map(int, re.findall(r"\d+", sql_type))
        return T.DecimalType(precision, scale)
    known: dict[str, T.DataType] = {
        "BOOLEAN": T.BooleanType(), "TINYINT": T.IntegerType(), "SMALLINT": T.IntegerType(),
        "INT": T.IntegerType(), "INTEGER": T.IntegerType(), "BIGINT": T.LongType(),
        "DOUBLE": T.DoubleType(), "FLOAT": T.DoubleType(), "DATE": T.DateType(), "DATETIME": T.TimestampType(),
    }  # fmt: skip
    return known.get(name, T.StringType())
