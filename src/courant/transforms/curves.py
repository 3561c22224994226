"""Half hours of consumption as people learn from them: the clock in Paris, a site's power, a day's curve as a shape."""

from __future__ import annotations

from math import pi

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from courant.domain.calendar import PARIS, SLOT_MINUTES
from courant.domain.feature_matrix import CLOCK_HALF_HOURS
from courant.domain.learning_columns import CATEGORIES, DAY, DAY_TYPE, HABIT, HALF_HOUR, NUMBERS, POWER, SHAPE
from courant.transforms.gold_balance import HEATING_BELOW_DEGREES, TEMPERATURE
from courant.transforms.gold_parts import day_type

SITES = "sites"
_CURVE = ("dataset", "region_code", "profil", DAY, DAY_TYPE)


def with_clock(rows: DataFrame) -> DataFrame:
    """Add what the clock and the calendar in Paris say of `slot_start_utc` and `paris_day`.

    Returns
    -------
    DataFrame
        With `half_hour` (0 to 47: an hour that comes twice in autumn has one number), `weekday` (1 to 7, from Monday),
        `month_of_year` (1 to 12), `year`, and `day_type` as gold's load curves name it.
    """
    local = F.from_utc_timestamp("slot_start_utc", PARIS.key)
    half_hour = F.hour(local) * (60 // SLOT_MINUTES) + F.floor(F.minute(local) / SLOT_MINUTES)
    return rows.withColumns(
        {
            HALF_HOUR: half_hour.cast("int"),
            "weekday": F.weekday(DAY) + 1,
            "month_of_year": F.month(DAY),
            "year": F.year(DAY),
            DAY_TYPE: day_type(DAY),
        }
    )


def with_site_power(silver: DataFrame) -> DataFrame:
    """Keep silver's segments that are no totals, and add `sites` and `power_w`, a site's mean power in the slot.

    Rows that are masked, or of no site, are left out.
    """
    sites, energy = F.col("nb_points_soutirage"), F.col("total_energie_soutiree_wh")
    known = silver.where(~F.col("is_total") & energy.isNotNull() & (sites > 0))
    return known.withColumns({SITES: sites.cast("double"), POWER: _power_w(energy, sites)})


def to_site_power(consumption: DataFrame, balance: DataFrame) -> DataFrame:
    """Give a site's mean power by half hour, region and profile, and what may explain it.

    Parameters
    ----------
    consumption, balance
        Columns of gold's `consumption_half_hours` and `balance_half_hours`; the second has the country's temperature.

    Returns
    -------
    DataFrame
        `slot_start_utc`, `paris_day`, `habit`, the columns of `CATEGORIES` and `NUMBERS` (harmonics of the clock, °C,
        degrees below 15 °C), and `power_w` (W a site). Half hours without energy, sites or temperature are left out.
    """
    weather = balance.select("slot_start_utc", F.col(TEMPERATURE).cast("double").alias("temperature_c"))
    known = consumption.where(F.col("energy_wh").isNotNull() & (F.col(SITES) > 0))
    rows = known.join(weather.where("temperature_c IS NOT NULL"), "slot_start_utc").transform(with_clock)
    degrees = F.greatest(F.lit(0.0), F.lit(float(HEATING_BELOW_DEGREES)) - F.col("temperature_c"))
    power = _power_w(F.col("energy_wh"), F.col(SITES))
    habit = F.concat_ws("|", "profil", DAY_TYPE, HALF_HOUR)
    explained = rows.withColumns({**_harmonics(), "heating_degrees": degrees, HABIT: habit, POWER: power})
    return explained.select("slot_start_utc", DAY, HABIT, *CATEGORIES, *NUMBERS, POWER)


def to_daily_curves(consumption: DataFrame) -> DataFrame:
    """Give each day of a region's profile as a shape: 48 half hours of the clock, divided by their mean.

    Parameters
    ----------
    consumption
        Columns of gold's `consumption_half_hours`.

    Returns
    -------
    DataFrame
        `dataset`, `region_code`, `profil`, `paris_day`, `day_type`, and `shape` (48 doubles, mean 1). Left out are days
        that lack a half hour of the clock (masked, or skipped in spring), that have no energy, or whose half hours are
        all the same: that is how the daily mean of few sites is published.
    """
    known = consumption.where(F.col("energy_wh").isNotNull()).transform(with_clock)
    by_clock = known.groupBy(*_CURVE, HALF_HOUR).agg(F.avg("energy_wh").alias("wh"))
    in_order = F.array_sort(F.collect_list(F.struct(HALF_HOUR, "wh")))
    days = by_clock.groupBy(*_CURVE).agg(in_order.alias("points"), F.avg("wh").alias("mean_wh"))
    whole = days.where((F.size("points") == CLOCK_HALF_HOURS) & (F.col("mean_wh") > 0))
    shape = F.transform("points", lambda point: point["wh"] / F.col("mean_wh"))
    return whole.select(*_CURVE, shape.alias(SHAPE)).where(F.array_max(SHAPE) > F.array_min(SHAPE))


def _power_w(energy_wh: Column, sites: Column) -> Column:
    return energy_wh.cast("double") * (60 / SLOT_MINUTES) / sites


def _harmonics() -> dict[str, Column]:
    angle = (F.col(HALF_HOUR) + 0.5) * (2 * pi / CLOCK_HALF_HOURS)
    waves = {"cos": F.cos, "sin": F.sin}
    return {f"day_{name}_{k}": wave(angle * k) for k in (1, 2) for name, wave in waves.items()}


def only_days(rows: DataFrame, first: str = "", last: str = "") -> DataFrame:
    """Keep the days from `first` to `last`, as `2026-01-31`; an empty text is no limit."""
    kept = rows.where(F.col(DAY) >= F.to_date(F.lit(first))) if first else rows
    return kept.where(F.col(DAY) <= F.to_date(F.lit(last))) if last else kept
