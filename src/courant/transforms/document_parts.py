"""What documents are made of: an id, slots in an array, extremes, how complete they are and how fresh."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql import types as T

from courant.domain.calendar import SLOT_MINUTES, is_holiday, season, weekday
from courant.transforms.gold_parts import expected_slots

CALENDAR_SCHEMA = T.StructType(
    [
        T.StructField("paris_day", T.DateType()),
        T.StructField("weekday", T.IntegerType()),
        T.StructField("is_holiday", T.BooleanType()),
        T.StructField("season", T.StringType()),
        T.StructField("day_of_year", T.IntegerType()),
    ]
)


def calendar_row(day: date) -> tuple[date, int, bool, str, int]:
    """Give a Paris day's facts, in the order of `CALENDAR_SCHEMA`."""
    return day, weekday(day), is_holiday(day), season(day), day.timetuple().tm_yday


def document_id(*parts: str) -> Column:
    """Join columns to the text that is the document's `_id`."""
    return F.concat_ws("|", *parts).alias("_id")


def by_slot(value: Column) -> Column:
    """Aggregate a group's values to a map by slot."""
    return F.map_from_entries(F.collect_list(F.struct("slot", value)))


def slots_array(slots: str, value: Callable[[Column], Column]) -> Column:
    """Lay a map by slot out as an array of a Paris day's 46, 48 or 50 values, null where the map has none."""
    every = F.sequence(F.lit(1), expected_slots("paris_day"))
    return F.transform(every, lambda slot: value(F.try_element_at(F.col(slots), slot)))


def member(name: str) -> Callable[[Column], Column]:
    """Give a function that takes one member of a slot's struct, as a double."""
    return lambda values: values.getField(name).cast("double")


def extent() -> list[Column]:
    """Aggregate how many half hours there are, whether each is whole, and when the newest ends."""
    return [
        F.count("*").cast("int").alias("slot_count"),
        F.bool_and("is_complete").alias("has_whole_slots"),
        slot_end(F.max("slot_start_utc")).alias("fresh_until_utc"),
    ]


def extent_columns() -> list[Column]:
    """Say what `extent` tells of a document."""
    expected = expected_slots("paris_day")
    is_whole = F.col("has_whole_slots") & (F.col("slot_count") == expected)
    return [
        F.col("slot_count"),
        expected.alias("expected_slots"),
        is_whole.alias("is_complete"),
        F.col("fresh_until_utc"),
    ]


def slot_end(start: Column) -> Column:
    """Give the instant at which a half hour ends."""
    return start + F.make_dt_interval(mins=F.lit(SLOT_MINUTES))
