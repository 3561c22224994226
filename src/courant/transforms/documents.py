"""The two half-hour frames become the documents that a dashboard reads: one a day, with its slots in an array.

The frames are gold's `balance_half_hours` and `consumption_half_hours`, wherever they were computed. Integers and
decimals are added up exactly; a value becomes a double when it enters its document. Nothing depends on "now".
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from courant.domain.contract import Contract
from courant.transforms import document_parts as parts
from courant.transforms import gold_balance
from courant.transforms.day_grid import NORMAL_TEMPERATURE, RADIATION, TEMPERATURE
from courant.transforms.gold_balance import LOAD
from courant.transforms.gold_parts import highest, numeric_columns
from courant.transforms.records import DataFrameTransform

CURVES, BALANCES, LATEST, FEATURES = "daily_curves", "daily_balance", "kpi_latest", "features_daily"

WEATHER = (TEMPERATURE, NORMAL_TEMPERATURE, RADIATION)
_SLOTS_AN_HOUR = 2
_SERIES = ("dataset", "region_code", "profil")
_CALENDAR_FEATURES = ("weekday", "is_holiday", "season", "day_of_year")


def to_daily_curves(contract: Contract) -> DataFrameTransform:
    """Make a document for each day, region and profile: energy by slot, null where there is none.

    Returns
    -------
    A transform from columns of `consumption_half_hours`.
    """
    peak, peak_slot = highest("energy_wh", "slot")

    def transform(half_hours: DataFrame) -> DataFrame:
        days = half_hours.groupBy("paris_day", *_SERIES).agg(
            parts.by_slot(F.col("energy_wh")).alias("by_slot"),
            F.sum("energy_wh").alias("energy_wh"),
            peak_slot.alias("peak_slot"),
            peak.alias("peak_wh"),
            F.max("sites").alias("sites"),
            *parts.extent(),
        )
        return days.select(
            parts.document_id("paris_day", *_SERIES),
            _day(),
            "dataset",
            "region_code",
            region_name(contract, F.col("region_code")).alias("region"),
            F.col("profil").alias("profile"),
            parts.slots_array("by_slot", lambda energy: energy).alias("slots"),
            "energy_wh",
            "peak_slot",
            "peak_wh",
            "sites",
            *parts.extent_columns(),
        )

    return transform


def to_daily_balance(contract: Contract) -> DataFrameTransform:
    """Make a document for each day of the balance: what gold has of the day, and `curves`, all means by slot.

    Returns
    -------
    A transform from columns of `balance_half_hours`; in `curves` each field has its own unit.
    """
    numbers = numeric_columns(contract)
    energies = [f"{name}_wh" for name in (*numeric_columns(contract, unit="W"), "net_import")]
    temperatures = numeric_columns(contract, unit="°C")

    def transform(half_hours: DataFrame) -> DataFrame:
        days = half_hours.transform(gold_balance.to_days(contract)).drop("is_complete")
        slots = half_hours.groupBy("paris_day").agg(
            parts.by_slot(F.struct(*numbers)).alias("by_slot"), *parts.extent()
        )
        curves = [parts.slots_array("by_slot", parts.member(name)).alias(name) for name in numbers]
        return days.join(slots, "paris_day").select(
            parts.document_id("paris_day"),
            _day(),
            F.lit(contract.name).alias("dataset"),
            *[_double(name) for name in energies],
            _double("peak_w"),
            "peak_slot",
            _double("low_w"),
            "low_slot",
            F.struct(*[_double(name) for name in temperatures]).alias("temperatures"),
            F.struct(*curves).alias("curves"),
            *parts.extent_columns(),
        )

    return transform


def to_balance_features(contract: Contract, calendar: DataFrame) -> DataFrameTransform:
    """Make a document for each day of the balance: what a day-ahead model reads of it.

    Parameters
    ----------
    calendar
        Columns of `CALENDAR_SCHEMA`; a day that it lacks gets no document.

    Returns
    -------
    A transform from columns of `balance_half_hours`.
    """

    def transform(half_hours: DataFrame) -> DataFrame:
        days = half_hours.groupBy("paris_day").agg(
            parts.by_slot(F.col(LOAD).cast("double")).alias("by_slot"), *parts.extent()
        )
        named = days.withColumns({"dataset": F.lit(contract.name), "series": F.lit(contract.name)})
        return _features(named, half_hours, calendar)

    return transform


def to_consumption_features(balance: DataFrame, calendar: DataFrame) -> DataFrameTransform:
    """Make a document for each day, region and profile: its mean power, and the weather of the national balance.

    Parameters
    ----------
    balance
        Columns of `balance_half_hours`, of the same days; the weather is null where they lack.
    calendar
        Columns of `CALENDAR_SCHEMA`; a day that it lacks gets no document.

    Returns
    -------
    A transform from columns of `consumption_half_hours`.
    """

    def transform(half_hours: DataFrame) -> DataFrame:
        power_w = (F.col("energy_wh") * _SLOTS_AN_HOUR).cast("double")
        days = half_hours.groupBy("paris_day", *_SERIES).agg(
            parts.by_slot(power_w).alias("by_slot"), *parts.extent()
        )
        return _features(days.withColumn("series", F.concat_ws("|", *_SERIES)), balance, calendar)

    return transform


def region_name(contract: Contract, code: Column) -> Column:
    """Give the name of a region by the contract's members; null for a code that it does not list."""
    names = [F.lit(text) for member in contract.dimension("region").members for text in member]
    return F.try_element_at(F.create_map(*names), code)


def _features(days: DataFrame, balance: DataFrame, calendar: DataFrame) -> DataFrame:
    weather = balance.groupBy("paris_day").agg(parts.by_slot(F.struct(*WEATHER)).alias("weather"))
    joined = days.join(weather, "paris_day", "left").join(F.broadcast(calendar), "paris_day")
    return joined.select(
        parts.document_id("paris_day", "series"),
        _day(),
        "dataset",
        "series",
        *_CALENDAR_FEATURES,
        parts.slots_array("by_slot", lambda power: power).alias("load_w"),
        *[parts.slots_array("weather", parts.member(name)).alias(name) for name in WEATHER],
        *parts.extent_columns(),
    )


def _day() -> Column:
    return F.col("paris_day").cast("string").alias("day")


def _double(name: str) -> Column:
    return F.col(name).cast("double").alias(name)
