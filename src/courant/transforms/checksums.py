"""The newest accepted value of each key, and a checksum a day that MySQL can compute as well."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from courant.domain.contract import Contract, Field, FieldType

NULL_TEXT = "\\N"
SEPARATOR = "|"
_OFFSET_BITS = 48
INSTANT_FORMAT = "yyyy-MM-dd HH:mm:ss"


def record_checksum(contract: Contract) -> Column:
    """Give the CRC-32 (bigint) of a record's canonical text, over its typed fields."""
    return F.crc32(F.concat_ws(SEPARATOR, *[_canonical(field) for field in canonical_fields(contract)]))


def to_newest_checksums(contract: Contract, accepted: DataFrame) -> DataFrame:
    """Keep one row per natural key: the one of the latest epoch, and in it of the highest offset.

    Parameters
    ----------
    accepted
        Key fields and `checksum` of accepted records, with `_epoch` and `_offset`.

    Returns
    -------
    DataFrame
        The key fields and checksum (bigint) of the newest record.
    """
    # One number each, so that the aggregation stays in its hash table: structs would make it sort.
    order = F.shiftleft(F.col("_epoch").cast("bigint"), _OFFSET_BITS) + F.col("_offset")
    keys = [field.name for field in contract.key_fields]
    return (
        accepted.select(*keys, "checksum", order.alias("order"))
        .groupBy(*keys)
        .agg(F.max_by("checksum", "order").alias("checksum"))
    )


def to_daily_checksums(contract: Contract, newest: DataFrame) -> DataFrame:
    """Sum up each UTC day.

    Returns
    -------
    DataFrame
        day (date), keys (bigint: rows), checksum (bigint: sum over the keys).
    """
    return newest.groupBy(F.to_date(contract.instant.name).alias("day")).agg(
        F.count("*").alias("keys"), F.sum("checksum").alias("checksum")
    )


def canonical_fields(contract: Contract) -> tuple[Field, ...]:
    """Give the fields a checksum covers, in order: natural key, then what the fact holds."""
    measures = [field for field in contract.measures if not field.key_position]
    return (*contract.key_fields, *measures)


def _canonical(field: Field) -> Column:
    column = F.col(field.name)
    text = F.date_format(column, INSTANT_FORMAT) if field.type is FieldType.INSTANT else column.cast("string")
    return F.coalesce(text, F.lit(NULL_TEXT))
