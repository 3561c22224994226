"""What gold's tables are made with: recipes, conditions on days and months, and columns that several share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from courant.domain.calendar import PARIS, SLOT_MINUTES, holidays_of
from courant.domain.contract import Contract, FieldType
from courant.transforms.records import DataFrameTransform

SILVER = "silver"  # the source of a recipe that reads no other gold table
COUNTRY = "FR"  # the balance's region
Grain = Literal["paris_day", "month"]

DATE, INSTANT, TEXT, FLAG = T.DateType(), T.TimestampType(), T.StringType(), T.BooleanType()
INT, LONG, DOUBLE = T.IntegerType(), T.LongType(), T.DoubleType()
_HOLIDAY_YEARS = range(2000, 2061)


def schema_of(**columns: T.DataType) -> T.StructType:
    """Give the schema of these columns, in this order."""
    return T.StructType([T.StructField(name, kind) for name, kind in columns.items()])


LOAD_CURVES = schema_of(
    month=DATE,
    dataset=TEXT,
    region_code=TEXT,
    profil=TEXT,
    day_type=TEXT,
    slot=INT,
    mean_wh=T.DecimalType(24, 4),
    days=INT,
)
PEAKS = schema_of(
    month=DATE, dataset=TEXT, region_code=TEXT, slot_start_utc=INSTANT, power_w=T.DecimalType(24, 1)
)
COMPLETENESS = schema_of(
    paris_day=DATE, month=DATE, dataset=TEXT, found=LONG, expected=LONG, masked=LONG, is_complete=FLAG
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a data set's rows of one gold table are made."""

    table: str
    source: str  # SILVER, or the gold table that it reads
    grain: Grain  # what is replaced at once
    schema: T.StructType
    make: DataFrameTransform  # from columns of the source to those of `schema`


def conformed(schema: T.StructType) -> DataFrameTransform:
    """Give a transform that selects a schema's columns in order; null where the frame lacks one."""

    def transform(frame: DataFrame) -> DataFrame:
        there = set(frame.columns)
        return frame.select(
            [
                (F.col(f.name) if f.name in there else F.lit(None)).cast(f.dataType).alias(f.name)
                for f in schema
            ]
        )

    return transform


def in_dates(column: str, values: Iterable[date]) -> str:
    """Write the condition that a date column has one of these values."""
    dates = ", ".join(f"DATE'{value.isoformat()}'" for value in sorted(values))
    return f"{column} IN ({dates})" if dates else "false"


def months_of(days: Iterable[date]) -> set[date]:
    """Give the first days of the months that the days lie in."""
    return {day.replace(day=1) for day in days}


def mean_type(contract: Contract, column: str) -> T.DecimalType:
    """Give the type of the exact mean of one or two values of a field."""
    scale = next(field.scale for field in contract.fields if field.column == column)
    return T.DecimalType(24, scale + 1)


def numeric_columns(contract: Contract, *, unit: str | None = None) -> tuple[str, ...]:
    """Name the columns that have numbers, of one unit if it is given."""
    return tuple(
        field.column
        for field in contract.measures
        if field.type in {FieldType.INTEGER, FieldType.DECIMAL} and unit in {None, field.unit}
    )


def month_of(day: str) -> Column:
    """Give the first day of a Paris day's month."""
    return F.trunc(day, "month").alias("month")


def expected_slots(day: str) -> Column:
    """Count a Paris day's half hours: 46, 48 or 50."""
    start, end = (F.unix_timestamp(_midnight(F.date_add(day, later))) for later in (0, 1))
    return ((end - start) / (SLOT_MINUTES * 60)).cast("int")


def day_type(day: str) -> Column:
    """Tell the kind of day that a load curve is of."""
    holidays = [day for year in _HOLIDAY_YEARS for day in holidays_of(year)]
    weekday = F.weekday(day)
    return (
        F.when((weekday == 6) | F.expr(in_dates(day, holidays)), "sunday_or_holiday")
        .when(weekday == 5, "saturday")
        .otherwise("working_day")
    )


def highest(value: str, at: str) -> tuple[Column, Column]:
    """Aggregate to the highest value, and where it is first."""
    backwards = -F.col(at).cast("long")
    return F.max(value), F.max_by(at, F.when(F.col(value).isNotNull(), F.struct(value, backwards)))


def lowest(value: str, at: str) -> tuple[Column, Column]:
    """Aggregate to the lowest value, and where it is first."""
    return F.min(value), F.min_by(at, F.when(F.col(value).isNotNull(), F.struct(value, at)))


def _midnight(day: Column) -> Column:
    return F.to_utc_timestamp(day.cast("timestamp"), PARIS.key)
