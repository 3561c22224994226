"""The newest accepted value of each key, and a checksum a day that MySQL can compute as well."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from courant.domain.contract import Contract, Field, FieldType

NULL_TEXT = "\\N"
SEPARATOR = "|"
INSTANT_FORMAT = "yyyy-MM-dd HH:mm:ss"


def only_newest(contract: Contract, accepted: DataFrame) -> DataFrame:
    """Keep one row per natural key: the one of the latest epoch, and in it of the highest offset.

    Parameters
    ----------
    accepted
        Typed fields of accepted records, with `_epoch`, `_partition` and `_offset`.
    """
    keys = [field.name for field in contract.key_fields]
    values = [name for name in accepted.columns if name not in keys]
    newest = F.max_by(F.struct(*values), F.struct("_epoch", "_offset", "_partition")).alias("newest")
    return accepted.groupBy(*keys).agg(newest).select(*keys, "newest.*")


def to_daily_checksums(contract: Contract, newest: DataFrame) -> DataFrame:
    """Sum up each UTC day.

    Returns
    -------
    DataFrame
        day (date), keys (bigint: rows), checksum (decimal: sum over rows of the CRC-32 of their canonical text).
    """
    text = F.concat_ws(SEPARATOR, *[_canonical(field) for field in canonical_fields(contract)])
    return (
        newest.select(F.to_date(contract.instant.name).alias("day"), F.crc32(text).alias("crc"))
        .groupBy("day")
        .agg(F.count("*").alias("keys"), F.sum(F.col("crc").cast("decimal(20,0)")).alias("checksum"))
    )


def canonical_fields(contract: Contract) -> tuple[Field, ...]:
    """Give the fields a checksum covers, in order: natural key, then what the fact holds."""
    measures = [field for field in contract.measures if not field.key_position]
    return (*contract.key_fields, *measures)


def _canonical(field: Field) -> Column:
    column = F.col(field.name)
    text = F.date_format(column, INSTANT_FORMAT) if field.type is FieldType.INSTANT else column.cast("string")
    return F.coalesce(text, F.lit(NULL_TEXT))
