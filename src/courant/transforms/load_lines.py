"""Judged records become ready-made lines for MySQL's LOAD DATA, so that the driver only hands bytes on."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from courant.domain.contract import Contract, Field, FieldType, KeyedBy
from courant.transforms.records import (
    DataFrameTransform,
    interpreted,
    with_dimension_keys,
    with_typed_fields,
    with_verdict,
)

RAW_LIMIT_BYTES = 65_536  # of a reject's raw value kept in MySQL; bronze has all of it
KEY_LIMIT_BYTES = 1024  # of its message key, likewise

_HAS_ESCAPE = "_has_escape"
_UTC_TEXT_LENGTH = len("2026-01-01T00:00:00+00:00")

#: What the driver takes from a batch; the records themselves stay behind for the rare second look.
LOAD_COLUMNS = (
    "_partition",
    "_offset",
    "_timestamp_ms",
    "_fact_line",
    "_reject_line",
    "_warnings",
    "_member",
)

SOURCE_COLUMNS = ("source_epoch", "source_partition", "source_offset")
REJECT_COLUMNS = ("partition_id", "record_offset", "broker_time_utc", "message_key", "raw", "rules")


def fact_columns(contract: Contract) -> tuple[str, ...]:
    """Name the fact table's columns in the order of a line: key, measures, source."""
    keys = (contract.instant.column, *[contract.dimension(table).key for table in contract.fact_dimensions])
    return (*keys, *[field.column for field in contract.measures], *SOURCE_COLUMNS)


def to_load_lines(contract: Contract, *, epoch: int) -> DataFrameTransform:
    """Parse, judge and write each record as one line of text.

    Returns
    -------
    A transform from `RECORD_COLUMNS` to those and `LOAD_COLUMNS`: `_fact_line` in the order of `fact_columns` for an
    accepted record, else null; `_reject_line` in the order of `REJECT_COLUMNS` for a rejected one, else null;
    `_member`, the bigint key of the fact's hashed dimension (0 without one).
    """

    def transform(records: DataFrame) -> DataFrame:
        judged = (
            records.transform(with_typed_fields(contract))
            .transform(with_verdict(contract, compiles_names=False))
            .transform(with_dimension_keys(contract))
            .withColumn(_HAS_ESCAPE, F.contains(F.col("_value").cast("string"), F.lit("\\")))
        )
        is_accepted = F.col("_broken_rules").isNull()
        return judged.select(
            "_partition",
            "_offset",
            F.unix_millis("_timestamp").alias("_timestamp_ms"),
            F.when(is_accepted, _fact_line(contract, epoch)).alias("_fact_line"),
            F.when(~is_accepted, interpreted(_line(_reject_texts()))).alias("_reject_line"),
            F.when(is_accepted, F.col("_warnings")).otherwise(0).alias("_warnings"),
            F.when(is_accepted, _member(contract)).otherwise(0).alias("_member"),
            *[field.name for field in contract.fields],
            "_key",
            "_value",
            "_timestamp",
        )

    return transform


def to_reject_lines(refused: DataFrame, *, rule: str) -> DataFrame:
    """Write records that only the database refused as reject lines, under one rule's name."""
    return refused.withColumn("_broken_rules", F.lit(rule)).select(
        "_partition", "_offset", _line(_reject_texts()).alias("_reject_line")
    )


def _member(contract: Contract) -> Column:
    hashed = [
        d.key for t in contract.fact_dimensions if (d := contract.dimension(t)).keyed_by is KeyedBy.HASH
    ]
    return F.xxhash64(*hashed) if len(hashed) > 1 else F.col(hashed[0]) if hashed else F.lit(0).cast("bigint")


def _fact_line(contract: Contract, epoch: int) -> Column:
    keys = [
        _escaped(F.col(contract.dimension(table).key).cast("string")) for table in contract.fact_dimensions
    ]
    texts = [
        _instant_text(contract.instant),
        *keys,
        *[F.coalesce(_measure_text(field), F.lit("\\N")) for field in contract.measures],
        F.lit(str(epoch)),
        F.col("_partition").cast("string"),
        F.col("_offset").cast("string"),
    ]
    return _line(texts)


def _measure_text(field: Field) -> Column:
    if field.type is FieldType.INSTANT:
        return _instant_text(field)
    if field.type is FieldType.STRING:
        return _escaped(F.col(field.name))
    return F.col(field.name).cast("string")


def _reject_texts() -> list[Column]:
    return [
        F.col("_partition").cast("string"),
        F.col("_offset").cast("string"),
        F.date_format("_timestamp", "yyyy-MM-dd HH:mm:ss.SSS"),
        F.coalesce(F.hex(F.substring("_key", 1, KEY_LIMIT_BYTES)), F.lit("\\N")),
        F.coalesce(F.hex(F.substring("_value", 1, RAW_LIMIT_BYTES)), F.lit("\\N")),
        F.col("_broken_rules"),
    ]


def _line(texts: list[Column]) -> Column:
    return F.concat(F.concat_ws("\t", *texts), F.lit("\n"))


def _instant_text(field: Field) -> Column:
    """Write an instant as MySQL's DATETIME in UTC; one that arrived in UTC already is only cut."""
    arrived = F.col("_text").getField(field.name)
    is_plain_utc = (F.length(arrived) == _UTC_TEXT_LENGTH) & F.endswith(arrived, F.lit("+00:00"))
    formatted = F.date_format(F.col(field.name), "yyyy-MM-dd HH:mm:ss")
    return F.when(is_plain_utc, F.substring(arrived, 1, 19)).otherwise(formatted)


def _escaped(text: Column) -> Column:
    """Escape what LOAD DATA would read as structure; only a JSON text with a backslash can hold it."""
    escaped = text
    for raw, escape in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\0", "\\0")):
        escaped = F.replace(escaped, F.lit(raw), F.lit(escape))
    return F.when(F.col(_HAS_ESCAPE), escaped).otherwise(text)
