"""The newest half hours of a data set become the one document that a dashboard shows at its top."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from courant.domain.contract import Contract
from courant.transforms import document_parts as parts
from courant.transforms.documents import region_name
from courant.transforms.gold_balance import LOAD
from courant.transforms.gold_parts import expected_slots, numeric_columns
from courant.transforms.records import DataFrameTransform

#: Paris days, the newest and those before it, in which the newest values are looked for.
DAYS_LOOKED_AT = 3

_SHARES = {"solar": "production_photovoltaique", "wind": "production_eolien"}


def to_balance_latest(contract: Contract) -> DataFrameTransform:
    """Make one document of the newest half hour: power, import, sun and wind, temperature; none of no rows.

    Returns
    -------
    A transform from columns of `balance_half_hours`. A share is null where its whole is null or 0.
    """

    def transform(half_hours: DataFrame) -> DataFrame:
        shares = [
            _share(part, whole).alias(f"{name}_share_of_{of}")
            for of, whole in (("production", "production_totale"), ("consumption", LOAD))
            for name, part in _SHARES.items()
        ]
        newest = half_hours.where(F.col(LOAD).isNotNull()).orderBy(F.desc("slot_start_utc")).limit(1)
        return newest.select(
            F.lit(contract.name).alias("_id"),
            F.col("paris_day").cast("string").alias("day"),
            "slot",
            "slot_start_utc",
            F.col(LOAD).cast("double").alias("power_w"),
            F.col("production_totale").cast("double").alias("production_w"),
            (F.col("injection_rte") - F.col("soutirage_rte")).cast("double").alias("net_import_w"),
            *shares,
            *[F.col(name).cast("double").alias(name) for name in numeric_columns(contract, unit="°C")],
            "is_complete",
            parts.slot_end(F.col("slot_start_utc")).alias("fresh_until_utc"),
        )

    return transform


def to_consumption_latest(contract: Contract) -> DataFrameTransform:
    """Make one document of the newest day that has all its slots: energy by region; the newest day if none has.

    Returns
    -------
    A transform from columns of `consumption_half_hours`.
    """

    def transform(half_hours: DataFrame) -> DataFrame:
        day = _newest_day(half_hours)
        by_region = (
            half_hours.join(F.broadcast(day), "paris_day")
            .groupBy("paris_day", "region_code")
            .agg(F.sum("energy_wh").alias("energy_wh"), F.bool_and("is_complete").alias("is_complete"))
        )
        region = F.struct(
            "region_code",
            region_name(contract, F.col("region_code")).alias("region"),
            "energy_wh",
            "is_complete",
        )
        summed = by_region.groupBy("paris_day").agg(
            F.sum("energy_wh").alias("energy_wh"), F.sort_array(F.collect_list(region)).alias("regions")
        )
        return summed.crossJoin(F.broadcast(_freshness(half_hours))).select(
            F.lit(contract.name).alias("_id"),
            F.col("paris_day").cast("string").alias("day"),
            "energy_wh",
            "regions",
            "fresh_until_utc",
        )

    return transform


def _newest_day(half_hours: DataFrame) -> DataFrame:
    slots = half_hours.groupBy("paris_day").agg(F.countDistinct("slot").alias("slot_count"))
    has_all = F.col("slot_count") == expected_slots("paris_day")
    return slots.orderBy(F.desc(has_all), F.desc("paris_day")).limit(1).select("paris_day")


def _freshness(half_hours: DataFrame) -> DataFrame:
    return half_hours.agg(parts.slot_end(F.max("slot_start_utc")).alias("fresh_until_utc"))


def _share(part: str, whole: str) -> Column:
    """Divide with four digits; decimals, so that both sources round alike."""
    quotient = F.col(part) / F.when(F.col(whole) != 0, F.col(whole))
    return F.round(quotient, 4).cast("double")
