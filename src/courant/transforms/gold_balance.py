"""Gold of the national balance: half hours, days, and what a month's load and temperature tell."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from courant.domain.calendar import SLOT_MINUTES
from courant.domain.contract import Contract
from courant.transforms import gold_parts as parts
from courant.transforms import regression
from courant.transforms.gold_parts import SILVER, Recipe
from courant.transforms.records import DataFrameTransform
from courant.transforms.silver import silver_schema

LOAD = "consommation_totale"
TEMPERATURE = "temperature_reelle_lissee"
HEATING_BELOW_DEGREES = 15
HALF_HOURS = "balance_half_hours"

_SLOT_S = SLOT_MINUTES * 60
_FINE_STEP_MINUTES = 15
_SENSITIVITY = parts.schema_of(
    month=parts.DATE, slots=parts.INT, w_per_degree=parts.DOUBLE, intercept_w=parts.DOUBLE, r2=parts.DOUBLE
)


def balance_recipes(contract: Contract) -> tuple[Recipe, ...]:
    """Give what gold makes of the balance, the half hours first."""
    return (
        Recipe(HALF_HOURS, SILVER, "paris_day", half_hours_schema(contract), to_half_hours(contract)),
        Recipe("balance_days", HALF_HOURS, "paris_day", days_schema(contract), to_days(contract)),
        Recipe("load_curves", HALF_HOURS, "month", parts.LOAD_CURVES, to_load_curves(contract)),
        Recipe("peaks", HALF_HOURS, "month", parts.PEAKS, to_peaks(contract)),
        Recipe("temperature_sensitivity", HALF_HOURS, "month", _SENSITIVITY, to_sensitivity),
        Recipe("completeness", HALF_HOURS, "paris_day", parts.COMPLETENESS, to_completeness(contract)),
    )


def half_hours_schema(contract: Contract) -> T.StructType:
    """Give the columns of `balance_half_hours`: the slot, its steps, and the mean of each numeric field."""
    return parts.schema_of(
        slot_start_utc=parts.INSTANT,
        paris_day=parts.DATE,
        month=parts.DATE,
        slot=parts.INT,
        step_minutes=parts.INT,
        steps=parts.INT,
        is_complete=parts.FLAG,
        **{name: parts.mean_type(contract, name) for name in parts.numeric_columns(contract)},
    )


def days_schema(contract: Contract) -> T.StructType:
    """Give the columns of `balance_days`: an energy for each power, the extremes, the mean temperatures."""
    powers = (*parts.numeric_columns(contract, unit="W"), "net_import")
    load = parts.mean_type(contract, LOAD)
    return parts.schema_of(
        paris_day=parts.DATE,
        month=parts.DATE,
        slots=parts.INT,
        expected_slots=parts.INT,
        is_complete=parts.FLAG,
        **{f"{name}_wh": T.DecimalType(28, 2) for name in powers},
        peak_w=load,
        peak_slot=parts.INT,
        low_w=load,
        low_slot=parts.INT,
        **dict.fromkeys(parts.numeric_columns(contract, unit="°C"), T.DecimalType(24, 4)),
    )


def to_half_hours(contract: Contract) -> DataFrameTransform:
    """Average the steps of each half hour.

    Returns
    -------
    A transform from silver's columns to those of `half_hours_schema`. A mean ignores nulls and is exact;
    `is_complete` is false where a step lacks. A day has quarter hours if any row of it lies on one.
    """

    def transform(silver: DataFrame) -> DataFrame:
        means = [_mean(contract, name) for name in parts.numeric_columns(contract)]
        is_whole = F.minute("slot_start_utc") % SLOT_MINUTES == 0
        step = F.when(is_whole, SLOT_MINUTES).otherwise(_FINE_STEP_MINUTES)
        start = F.timestamp_seconds(F.floor(F.unix_timestamp("slot_start_utc") / _SLOT_S) * _SLOT_S)
        rows = silver.transform(parts.conformed(silver_schema(contract)))
        half_hours = rows.groupBy("paris_day", "slot", start.alias("start")).agg(
            F.min(step).alias("finest"), F.count("*").cast("int").alias("steps"), *means
        )
        with_step = half_hours.withColumn(
            "step_minutes", F.min("finest").over(Window.partitionBy("paris_day"))
        )
        named = with_step.withColumns(
            {
                "slot_start_utc": F.col("start"),
                "month": parts.month_of("paris_day"),
                "is_complete": F.col("steps") * F.col("step_minutes") == SLOT_MINUTES,
            }
        )
        return named.transform(parts.conformed(half_hours_schema(contract)))

    return transform


def to_days(contract: Contract) -> DataFrameTransform:
    """Add up the half hours of each Paris day.

    Returns
    -------
    A transform from columns of `half_hours_schema` to those of `days_schema`. Energies are exact, and null where
    no half hour has the power.
    """
    powers = parts.numeric_columns(contract, unit="W")
    temperatures = parts.numeric_columns(contract, unit="°C")

    def transform(half_hours: DataFrame) -> DataFrame:
        peak, low = parts.highest(LOAD, "slot"), parts.lowest(LOAD, "slot")
        days = half_hours.groupBy("paris_day", "month").agg(
            *_extent(),
            *[F.sum(_energy(name)).alias(f"{name}_wh") for name in powers],
            *[F.avg(name).alias(name) for name in temperatures],
            *[value.alias(name) for value, name in zip(peak, ("peak_w", "peak_slot"), strict=True)],
            *[value.alias(name) for value, name in zip(low, ("low_w", "low_slot"), strict=True)],
        )
        net_import = F.col("injection_rte_wh") - F.col("soutirage_rte_wh")
        whole = days.withColumns(_completeness()).withColumn("net_import_wh", net_import)
        return whole.transform(parts.conformed(days_schema(contract)))

    return transform


def to_load_curves(contract: Contract) -> DataFrameTransform:
    """Average the energy of each slot over a month's days of one kind; the columns are `LOAD_CURVES`."""

    def transform(half_hours: DataFrame) -> DataFrame:
        curves = half_hours.groupBy("month", parts.day_type("paris_day").alias("day_type"), "slot").agg(
            F.avg(_energy(LOAD)).alias("mean_wh"), F.count(LOAD).alias("days")
        )
        named = curves.withColumns(_identity(contract)).withColumn("profil", F.lit(""))
        return named.transform(parts.conformed(parts.LOAD_CURVES))

    return transform


def to_peaks(contract: Contract) -> DataFrameTransform:
    """Find each month's half hour of the highest consumption, the first of equals; the columns are `PEAKS`."""

    def transform(half_hours: DataFrame) -> DataFrame:
        power, start = parts.highest(LOAD, "slot_start_utc")
        peaks = half_hours.groupBy("month").agg(power.alias("power_w"), start.alias("slot_start_utc"))
        return peaks.withColumns(_identity(contract)).transform(parts.conformed(parts.PEAKS))

    return transform


def to_completeness(contract: Contract) -> DataFrameTransform:
    """Count the steps of each Paris day and those it should have; the columns are `COMPLETENESS`."""

    def transform(half_hours: DataFrame) -> DataFrame:
        days = half_hours.groupBy("paris_day", "month").agg(
            F.sum("steps").alias("found"), F.max(SLOT_MINUTES / F.col("step_minutes")).alias("a_slot")
        )
        counts = {
            "dataset": F.lit(contract.name),
            "expected": parts.expected_slots("paris_day") * F.col("a_slot"),
            "masked": F.lit(0),
        }
        found = days.withColumns(counts).withColumn("is_complete", F.col("found") == F.col("expected"))
        return found.transform(parts.conformed(parts.COMPLETENESS))

    return transform


def to_sensitivity(half_hours: DataFrame) -> DataFrame:
    """Regress each month's consumption on the temperature, over the half hours when it is cold.

    Returns
    -------
    DataFrame
        month, slots (half hours below `HEATING_BELOW_DEGREES`), w_per_degree, intercept_w, r2; the last three
        are null where the temperature does not vary.
    """
    x, y = F.col(TEMPERATURE), F.col(LOAD)
    cold = half_hours.where((x < HEATING_BELOW_DEGREES) & y.isNotNull())
    months = cold.groupBy("month").agg(*regression.exact_sums(x, y))
    slope, intercept, r2 = regression.line()
    fitted = months.withColumns(
        {"slots": F.col("n"), "w_per_degree": slope, "intercept_w": intercept, "r2": r2}
    )
    return fitted.transform(parts.conformed(_SENSITIVITY))


def _mean(contract: Contract, name: str) -> Column:
    # Decimals, because Spark's mean of integers is a double.
    kind = parts.mean_type(contract, name)
    return F.avg(F.col(name).cast(T.DecimalType(kind.scale + 18, kind.scale - 1))).cast(kind).alias(name)


def _energy(power: str) -> Column:
    return F.col(power) * F.lit(SLOT_MINUTES / 60).cast("decimal(2,1)")


def _extent() -> list[Column]:
    return [F.count("*").cast("int").alias("slots"), F.bool_and("is_complete").alias("has_whole_slots")]


def _completeness() -> dict[str, Column]:
    expected = parts.expected_slots("paris_day")
    return {
        "expected_slots": expected,
        "is_complete": F.col("has_whole_slots") & (F.col("slots") == expected),
    }


def _identity(contract: Contract) -> dict[str, Column]:
    return {"dataset": F.lit(contract.name), "region_code": F.lit(parts.COUNTRY)}
