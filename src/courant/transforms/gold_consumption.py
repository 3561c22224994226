"""Gold of the regions' consumption: half hours by region and profile, days and months by segment, curves, sites.

A total is never added to its parts: where both are there, the greater counts, since a published total is at least
the sum of its parts that are not masked.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from courant.domain.contract import Contract
from courant.transforms import gold_parts as parts
from courant.transforms.gold_parts import SILVER, Recipe
from courant.transforms.records import DataFrameTransform

HALF_HOURS, DAYS = "consumption_half_hours", "consumption_days"
ENERGY, SITES = "total_energie_soutiree_wh", "nb_points_soutirage"

_SERIES = ("dataset", "region_code", "profil")
_SEGMENT = (*_SERIES, "plage_de_puissance_souscrite", "secteur_activite", "is_total")
_SEGMENT_TYPES = dict.fromkeys(_SEGMENT[:-1], parts.TEXT) | {"is_total": parts.FLAG}
HALF_HOURS_SCHEMA = parts.schema_of(
    slot_start_utc=parts.INSTANT,
    paris_day=parts.DATE,
    month=parts.DATE,
    slot=parts.INT,
    dataset=parts.TEXT,
    region_code=parts.TEXT,
    profil=parts.TEXT,
    energy_wh=parts.LONG,
    parts_wh=parts.LONG,
    totals_wh=parts.LONG,
    segments=parts.INT,
    masked=parts.INT,
    sites=parts.LONG,
    is_complete=parts.FLAG,
)
DAYS_SCHEMA = parts.schema_of(
    paris_day=parts.DATE,
    month=parts.DATE,
    **_SEGMENT_TYPES,
    energy_wh=parts.LONG,
    mean_power_w=T.DecimalType(24, 4),
    peak_wh=parts.LONG,
    peak_slot=parts.INT,
    sites=parts.LONG,
    slots=parts.INT,
    expected_slots=parts.INT,
    masked=parts.INT,
    is_complete=parts.FLAG,
)
_MONTHS = parts.schema_of(
    month=parts.DATE, **_SEGMENT_TYPES, energy_wh=parts.LONG, days=parts.INT, is_complete=parts.FLAG
)
_SITE_COUNTS = parts.schema_of(
    month=parts.DATE, dataset=parts.TEXT, region_code=parts.TEXT, profil=parts.TEXT, sites=parts.LONG
)


def consumption_recipes(contract: Contract) -> tuple[Recipe, ...]:
    """Give what gold makes of a data set of consumption, the half hours first."""
    return (
        Recipe(HALF_HOURS, SILVER, "paris_day", HALF_HOURS_SCHEMA, to_half_hours(contract)),
        Recipe(DAYS, SILVER, "paris_day", DAYS_SCHEMA, to_days(contract)),
        Recipe("consumption_months", DAYS, "month", _MONTHS, to_months),
        Recipe("load_curves", HALF_HOURS, "month", parts.LOAD_CURVES, to_load_curves),
        Recipe("peaks", HALF_HOURS, "month", parts.PEAKS, to_peaks),
        Recipe("completeness", DAYS, "paris_day", parts.COMPLETENESS, to_completeness),
        Recipe("site_counts", HALF_HOURS, "month", _SITE_COUNTS, to_site_counts),
    )


def to_half_hours(contract: Contract) -> DataFrameTransform:
    """Add up the segments of each half hour, region and profile, totals apart from their parts.

    Returns
    -------
    A transform from silver's columns to those of `HALF_HOURS_SCHEMA`. A sum ignores nulls, and is null where all
    of its rows are; `masked` counts the rows without energy, and is_complete says that there are none.
    """

    def transform(silver: DataFrame) -> DataFrame:
        half_hours = silver.groupBy("slot_start_utc", "paris_day", "slot", "region_code", "profil").agg(
            _of_parts(ENERGY).alias("parts_wh"),
            _of_totals(ENERGY).alias("totals_wh"),
            F.count("*").alias("segments"),
            _masked().alias("masked"),
            # The greater one; it ignores nulls.
            F.greatest(_of_parts(SITES), _of_totals(SITES)).alias("sites"),
        )
        whole = half_hours.withColumns(
            {
                "month": parts.month_of("paris_day"),
                "dataset": F.lit(contract.name),
                "energy_wh": F.greatest("totals_wh", "parts_wh"),
                "is_complete": F.col("masked") == 0,
            }
        )
        return whole.transform(parts.conformed(HALF_HOURS_SCHEMA))

    return transform


def to_days(contract: Contract) -> DataFrameTransform:
    """Add up the half hours of each Paris day and segment, totals as segments of their own.

    Returns
    -------
    A transform from silver's columns to those of `DAYS_SCHEMA`: energy, mean power of the slots that have one,
    the highest slot (the first of equals), the day's most sites, and whether a slot lacks or is masked.
    """

    def transform(silver: DataFrame) -> DataFrame:
        sector = F.col("secteur_activite") if "secteur_activite" in silver.columns else F.lit("")
        rows = silver.withColumns({"dataset": F.lit(contract.name), "secteur_activite": sector})
        peak, peak_slot = parts.highest(ENERGY, "slot")
        days = rows.groupBy("paris_day", *_SEGMENT).agg(
            F.sum(ENERGY).alias("energy_wh"),
            _mean(F.col(ENERGY) * 2).alias("mean_power_w"),
            peak.alias("peak_wh"),
            peak_slot.alias("peak_slot"),
            F.max(SITES).alias("sites"),
            F.count("*").alias("slots"),
            _masked().alias("masked"),
        )
        expected = parts.expected_slots("paris_day")
        is_whole = (F.col("slots") == expected) & (F.col("masked") == 0)
        whole = days.withColumns(
            {"month": parts.month_of("paris_day"), "expected_slots": expected, "is_complete": is_whole}
        )
        return whole.transform(parts.conformed(DAYS_SCHEMA))

    return transform


def to_months(days: DataFrame) -> DataFrame:
    """Add up `DAYS_SCHEMA` to months and segments; a month is complete if each of its days is there and is."""
    months = days.groupBy("month", *_SEGMENT).agg(
        F.sum("energy_wh").alias("energy_wh"),
        F.count("*").alias("days"),
        F.bool_and("is_complete").alias("has_whole_days"),
    )
    is_whole = F.col("has_whole_days") & (F.col("days") == F.dayofmonth(F.last_day("month")))
    return months.withColumn("is_complete", is_whole).transform(parts.conformed(_MONTHS))


def to_load_curves(half_hours: DataFrame) -> DataFrame:
    """Average the energy of each slot over a month's days of one kind; the columns are `LOAD_CURVES`."""
    kind = parts.day_type("paris_day").alias("day_type")
    curves = half_hours.groupBy("month", *_SERIES, kind, "slot").agg(
        _mean(F.col("energy_wh")).alias("mean_wh"), F.count("energy_wh").alias("days")
    )
    return curves.transform(parts.conformed(parts.LOAD_CURVES))


def to_peaks(half_hours: DataFrame) -> DataFrame:
    """Find each region's half hour of the highest power a month, the first of equals; the columns are `PEAKS`."""
    region = half_hours.groupBy("month", "dataset", "region_code", "slot_start_utc").agg(
        (F.sum("energy_wh") * 2).alias("power_w")
    )
    power, start = parts.highest("power_w", "slot_start_utc")
    peaks = region.groupBy("month", "dataset", "region_code").agg(
        power.alias("power_w"), start.alias("slot_start_utc")
    )
    return peaks.transform(parts.conformed(parts.PEAKS))


def to_completeness(days: DataFrame) -> DataFrame:
    """Count each Paris day's readings, and those that its segments should have; the columns are `COMPLETENESS`."""
    found = days.groupBy("paris_day", "month", "dataset").agg(
        F.sum("slots").alias("found"),
        F.sum("expected_slots").alias("expected"),
        F.sum("masked").alias("masked"),
        F.bool_and("is_complete").alias("is_complete"),
    )
    return found.transform(parts.conformed(parts.COMPLETENESS))


def to_site_counts(half_hours: DataFrame) -> DataFrame:
    """Give each region's and profile's sites on the newest day of the month that has them."""
    newest = F.max(F.when(F.col("sites").isNotNull(), F.struct("paris_day", "sites")))
    counts = half_hours.groupBy("month", *_SERIES).agg(newest["sites"].alias("sites"))
    return counts.transform(parts.conformed(_SITE_COUNTS))


def _of_totals(column: str) -> Column:
    return F.sum(F.when(F.col("is_total"), F.col(column)))


def _of_parts(column: str) -> Column:
    return F.sum(F.when(~F.col("is_total"), F.col(column)))


def _masked() -> Column:
    return F.count_if(F.col(ENERGY).isNull())


def _mean(value: Column) -> Column:
    # Decimals, because Spark's mean of integers is a double.
    return F.avg(value.cast("decimal(19,0)"))
