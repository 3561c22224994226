"""Rows that the lab's models learn from.

The days that are tried have 48 slots, 50 (2025-10-26) and 46 (2026-03-29).
"""

from __future__ import annotations

from datetime import date, timedelta
from math import cos, pi

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from courant.domain.calendar import slots_of_day
from courant.transforms.curves import only_days, to_daily_curves, to_site_power, with_clock, with_site_power

SATURDAY, AUTUMN, SPRING = date(2026, 1, 10), date(2025, 10, 26), date(2026, 3, 29)
CONSUMPTION = (
    "slot_start_utc timestamp, paris_day date, dataset string, region_code string, profil string,"
    " energy_wh bigint, sites bigint"
)
P0, P1 = "P0: Total <= 36 kVA", "P1: ]0-3] kVA"


def half_hours(
    spark: SparkSession, day: date, energies: list[int | None], *, profile: str = "RES3"
) -> DataFrame:
    """Give a day's half hours of ten sites, with the energies in the order of its slots."""
    starts = slots_of_day(day)[: len(energies)]
    rows = [(start, day, "inf", "11", profile, wh, 10) for start, wh in zip(starts, energies, strict=True)]
    return spark.createDataFrame(rows, CONSUMPTION)


def test_the_clock_of_an_autumn_day_tells_an_hour_twice(spark: SparkSession) -> None:
    rows = half_hours(spark, AUTUMN, [1] * 50).transform(with_clock).orderBy("slot_start_utc").collect()

    assert [row["half_hour"] for row in rows] == [0, 1, 2, 3, 4, 5, 4, 5, *range(6, 48)]
    assert (rows[0]["weekday"], rows[0]["month_of_year"], rows[0]["year"]) == (7, 10, 2025)
    assert rows[0]["day_type"] == "sunday_or_holiday"


def test_a_day_becomes_the_shares_of_its_mean_in_the_order_of_the_clock(spark: SparkSession) -> None:
    energies = [30, *[10] * 46, 50]  # mean (30 + 460 + 50) / 48 = 11.25
    [curve] = to_daily_curves(
        half_hours(spark, SATURDAY, energies).orderBy(F.desc("slot_start_utc"))
    ).collect()

    assert (curve["region_code"], curve["profil"], curve["paris_day"]) == ("11", "RES3", SATURDAY)
    assert curve["day_type"] == "saturday"
    assert len(curve["shape"]) == 48
    assert [curve["shape"][at] for at in (0, 1, 47)] == pytest.approx([30 / 11.25, 10 / 11.25, 50 / 11.25])


def test_the_hour_that_comes_twice_has_its_mean(spark: SparkSession) -> None:
    energies = [10, 10, 10, 10, 20, 10, 40, 10, *[10] * 42]  # 2:00 comes with 20 and with 40
    [curve] = to_daily_curves(half_hours(spark, AUTUMN, energies)).collect()

    mean = (47 * 10 + 30) / 48
    assert curve["shape"][3:6] == pytest.approx([10 / mean, 30 / mean, 10 / mean])


@pytest.mark.parametrize(
    ("why", "day", "energies"),
    [
        ("masked in one half hour", SATURDAY, [None, *range(1, 48)]),
        ("a half hour lacks", SATURDAY, list(range(1, 48))),
        ("skipped by the clock", SPRING, list(range(1, 47))),
        ("the daily mean in every half hour", SATURDAY, [7] * 48),
        ("no energy", SATURDAY, [0] * 48),
    ],
)
def test_a_day_without_a_shape_is_left_out(
    spark: SparkSession, why: str, day: date, energies: list[int | None]
) -> None:
    other = half_hours(spark, SATURDAY, list(range(1, 49)), profile="PRO3")

    left = to_daily_curves(half_hours(spark, day, energies).union(other)).collect()

    assert [curve["profil"] for curve in left] == ["PRO3"], why


def test_a_sites_power_comes_with_the_clock_and_the_cold(spark: SparkSession) -> None:
    consumption = half_hours(spark, SATURDAY, [1_000, 2_000, None, 3_000])
    starts = slots_of_day(SATURDAY)
    weather = [(starts[0], 5.0), (starts[1], 17.0), (starts[2], 5.0)]  # and none of the fourth
    balance = spark.createDataFrame(weather, "slot_start_utc timestamp, temperature_reelle_lissee double")

    first, second = to_site_power(consumption, balance).orderBy("slot_start_utc").collect()

    assert (first["power_w"], second["power_w"]) == (200.0, 400.0)  # ten sites, half an hour
    assert (first["heating_degrees"], second["heating_degrees"]) == (10.0, 0.0)
    assert (first["half_hour"], second["half_hour"]) == (0, 1)
    assert (first["habit"], second["habit"]) == ("RES3|saturday|0", "RES3|saturday|1")
    assert first["day_cos_1"] == pytest.approx(cos(2 * pi * 0.25 / 24))
    assert second["day_cos_2"] == pytest.approx(cos(2 * 2 * pi * 0.75 / 24))
    assert second["day_sin_1"] == pytest.approx(cos(2 * pi * 0.75 / 24 - pi / 2))


def test_power_of_silver_leaves_out_totals_and_what_is_masked(spark: SparkSession) -> None:
    rows = [(P0, True, 10, 900), (P1, False, 10, 500), (P1, False, 10, None), (P1, False, 0, 0)]
    silver = spark.createDataFrame(
        rows,
        "plage_de_puissance_souscrite string, is_total boolean, nb_points_soutirage bigint,"
        " total_energie_soutiree_wh bigint",
    )

    [row] = with_site_power(silver).collect()

    assert (row["power_w"], row["sites"]) == (100.0, 10.0)


def test_days_are_kept_from_the_first_to_the_last(spark: SparkSession) -> None:
    days = [SATURDAY + timedelta(days=k) for k in range(4)]
    frame = spark.createDataFrame([(day,) for day in days], "paris_day date")

    def kept(first: str, last: str) -> list[date]:
        return sorted(row["paris_day"] for row in only_days(frame, first, last).collect())

    assert kept("", "") == days
    assert kept("2026-01-11", "") == days[1:]
    assert kept("2026-01-11", "2026-01-12") == days[1:3]
