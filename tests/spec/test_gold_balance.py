"""Gold of the balance, drawn step by step: means of steps, days of 46 to 50 slots, extremes, the temperature's part."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from courant.domain.contract import load_contracts
from courant.transforms import gold_balance, gold_parts

BALANCE = load_contracts(Path(__file__).resolve().parents[2] / "contracts")["balance"]
SILVER = (
    "slot_start_utc timestamp, paris_day date, slot int, consommation_totale bigint, injection_rte bigint,"
    " soutirage_rte bigint, temperature_reelle_lissee decimal(5,2)"
)
SATURDAY = date(2024, 10, 5)  # the first day of quarter hours
MIDNIGHT = datetime(2024, 10, 4, 22, tzinfo=UTC)
HALF_HOURS = (
    "slot_start_utc timestamp, paris_day date, month date, slot int, step_minutes int, steps int,"
    " is_complete boolean, consommation_totale decimal(24,1), injection_rte decimal(24,1),"
    " soutirage_rte decimal(24,1), temperature_reelle_lissee decimal(24,3), temperature_normale_lissee decimal(24,3)"
)


def steps(spark: SparkSession, *rows: tuple[int, int, str | None]) -> DataFrame:
    """Give silver rows: minutes since the midnight of SATURDAY, consumption in W, temperature."""
    filled = [
        (
            MIDNIGHT + timedelta(minutes=minutes),
            SATURDAY + timedelta(days=minutes // 1440),
            minutes % 1440 // 30 + 1,
            watts,
            100,
            30,
            degrees and Decimal(degrees),
        )
        for minutes, watts, degrees in rows
    ]
    return spark.createDataFrame(filled, SILVER)


def half_hours(spark: SparkSession, day: date, loads: list[str | None], **fields: str) -> DataFrame:
    """Give a day's half hours from its first slot on, by their consumption."""
    values = {"injection_rte": "100.5", "soutirage_rte": "30.0"} | fields
    numbers = [
        Decimal(values[name]) if name in values else None
        for name in (
            "injection_rte",
            "soutirage_rte",
            "temperature_reelle_lissee",
            "temperature_normale_lissee",
        )
    ]
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=1)
    rows = [
        (
            start + i * timedelta(minutes=30),
            day,
            day.replace(day=1),
            i + 1,
            30,
            1,
            True,
            load and Decimal(load),
        )
        for i, load in enumerate(loads)
    ]
    schema = gold_balance.half_hours_schema(BALANCE)
    return spark.createDataFrame([(*row, *numbers) for row in rows], HALF_HOURS).transform(
        gold_parts.conformed(schema)
    )


def rows_of(frame: DataFrame, *columns: str, by: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in frame.orderBy(by).select(*columns).toArrow().to_pylist()]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param(  # W and degrees at 00:00 and 00:30: each is its half hour
            [(0, 100, "1.25"), (30, 101, "1.50")],
            [(1, 30, 1, True, "100.0", "1.250"), (2, 30, 1, True, "101.0", "1.500")],
            id="half hours stay as they are",
        ),
        pytest.param(
            [(0, 100, "1.25"), (15, 101, "1.30"), (30, 7, None), (45, 7, "2.00")],
            [(1, 15, 2, True, "100.5", "1.275"), (2, 15, 2, True, "7.0", "2.000")],
            id="quarters are averaged exactly, nulls ignored",
        ),
        pytest.param(
            [(0, 100, None), (15, 102, None), (30, 50, None)],
            [(1, 15, 2, True, "101.0", None), (2, 15, 1, False, "50.0", None)],
            id="a missing quarter is flagged",
        ),
        pytest.param(
            [(15, 9, None), (30, 1, None), (45, 2, None)],
            [(1, 15, 1, False, "9.0", None), (2, 15, 2, True, "1.5", None)],
            id="a half hour without its first quarter begins at the half hour",
        ),
        pytest.param(
            [(0, 4_000_000_000_000_000_001, None), (15, 4_000_000_000_000_000_002, None)],
            [(1, 15, 2, True, "4000000000000000001.5", None)],
            id="no digit is lost",
        ),
    ],
)
def test_the_steps_of_a_half_hour_become_their_mean(
    spark: SparkSession, rows: list[tuple[int, int, str | None]], expected: list[tuple[Any, ...]]
) -> None:
    found = steps(spark, *rows).transform(gold_balance.to_half_hours(BALANCE))

    columns = ("slot_start_utc", "slot", "step_minutes", "steps", "is_complete")
    values = ("consommation_totale", "temperature_reelle_lissee")
    assert rows_of(found, *columns, *values, by="slot") == [
        (
            MIDNIGHT + timedelta(minutes=30 * (slot - 1)),
            *(slot, step, count, whole),
            Decimal(load),
            degrees and Decimal(degrees),
        )
        for slot, step, count, whole, load, degrees in expected
    ]


def test_the_step_is_told_by_each_day(spark: SparkSession) -> None:
    before = [(minutes - 1440, 10, None) for minutes in range(0, 1440, 30)]
    after = [(minutes, 10, None) for minutes in range(0, 1440, 15)]

    found = steps(spark, *before, *after).transform(gold_balance.to_half_hours(BALANCE))

    days = found.selectExpr("paris_day", "month", "step_minutes", "steps", "is_complete").distinct()
    assert rows_of(days, *days.columns, by="paris_day") == [
        (date(2024, 10, 4), date(2024, 10, 1), 30, 1, True),
        (date(2024, 10, 5), date(2024, 10, 1), 15, 2, True),
    ]
    assert found.count() == 48 + 48


@pytest.mark.parametrize(
    ("day", "slots", "expected", "is_complete"),
    [
        (date(2026, 1, 5), 48, 48, True),
        (date(2026, 1, 5), 47, 48, False),
        (date(2026, 3, 29), 46, 46, True),
        (date(2026, 10, 25), 50, 50, True),
        (date(2026, 10, 25), 48, 50, False),
    ],
)
def test_a_day_is_complete_with_as_many_slots_as_it_has_in_paris(
    spark: SparkSession, day: date, slots: int, expected: int, is_complete: bool
) -> None:
    rows = half_hours(spark, day, ["2.0"] * slots)

    found = rows.transform(gold_balance.to_days(BALANCE))
    counted = rows.transform(gold_balance.to_completeness(BALANCE))

    assert rows_of(found, "slots", "expected_slots", "is_complete", by="paris_day") == [
        (slots, expected, is_complete)
    ]
    assert rows_of(counted, "dataset", "found", "expected", "masked", "is_complete", by="paris_day") == [
        ("balance", slots, expected, 0, is_complete)
    ]


def test_a_day_with_a_missing_quarter_is_not_complete(spark: SparkSession) -> None:
    quarters = [(minutes, 10, None) for minutes in range(0, 1440, 15) if minutes != 615]
    rows = steps(spark, *quarters).transform(gold_balance.to_half_hours(BALANCE))

    found = rows.transform(gold_balance.to_days(BALANCE))
    counted = rows.transform(gold_balance.to_completeness(BALANCE))

    assert rows_of(found, "slots", "expected_slots", "is_complete", by="paris_day") == [(48, 48, False)]
    assert rows_of(counted, "found", "expected", "is_complete", by="paris_day") == [(95, 96, False)]


def test_a_day_has_exact_energies_its_first_extremes_and_mean_temperatures(spark: SparkSession) -> None:
    loads = ["5.5", "9.0", None, "9.0", "1.0", "1.0"]
    rows = half_hours(
        spark, date(2026, 1, 5), loads, temperature_reelle_lissee="1.125", temperature_normale_lissee="3"
    )

    (found,) = rows.transform(gold_balance.to_days(BALANCE)).toArrow().to_pylist()

    assert found["consommation_totale_wh"] == Decimal("12.75")  # half of 25.5
    assert found["injection_rte_wh"] == Decimal("301.50")  # 6 half hours of 100.5 W
    assert found["net_import_wh"] == Decimal("211.50")  # less 6 half hours of 30 W
    assert found["pertes_wh"] is None
    assert (found["peak_w"], found["peak_slot"]) == (Decimal("9.0"), 2)
    assert (found["low_w"], found["low_slot"]) == (Decimal("1.0"), 5)
    assert found["temperature_reelle_lissee"] == Decimal("1.1250")
    assert found["temperature_normale_lissee"] == Decimal("3.0000")


def test_load_curves_tell_working_days_saturdays_and_sundays_or_holidays_apart(spark: SparkSession) -> None:
    loads = {
        date(2026, 5, 1): "100.0",  # a Friday, Labour Day
        date(2026, 5, 2): "20.0",
        date(2026, 5, 3): "200.0",
        date(2026, 5, 4): "30.0",
        date(2026, 5, 5): "35.5",
    }
    rows = [half_hours(spark, day, [load, load]) for day, load in loads.items()]
    of_all = rows[0].union(rows[1]).union(rows[2]).union(rows[3]).union(rows[4])

    found = of_all.where("slot = 1").transform(gold_balance.to_load_curves(BALANCE))

    columns = ("region_code", "day_type", "slot", "mean_wh", "days")
    assert rows_of(found, *columns, by="day_type") == [
        ("FR", "saturday", 1, Decimal("10.0000"), 1),
        ("FR", "sunday_or_holiday", 1, Decimal("75.0000"), 2),
        ("FR", "working_day", 1, Decimal("16.3750"), 2),
    ]


def test_the_peak_of_a_month_is_its_first_half_hour_of_the_highest_power(spark: SparkSession) -> None:
    first, second = (half_hours(spark, date(2026, 1, day), ["7.0", None, "8.5", "8.5"]) for day in (6, 5))

    found = first.union(second).transform(gold_balance.to_peaks(BALANCE))

    assert rows_of(found, "month", "dataset", "region_code", "slot_start_utc", "power_w", by="month") == [
        (date(2026, 1, 1), "balance", "FR", datetime(2026, 1, 5, 0, 0, tzinfo=UTC), Decimal("8.5"))
    ]


def test_the_sensitivity_is_the_slope_of_the_cold_half_hours(spark: SparkSession) -> None:
    # On the line 1000 W - 20 W per degree, but for the warm one.
    degrees = {"0.000": "1000.0", "5.000": "900.0", "14.995": "700.1", "15.000": "1.0"}
    day = date(2026, 1, 5)
    rows = [half_hours(spark, day, [load], temperature_reelle_lissee=t) for t, load in degrees.items()]
    of_all = rows[0].union(rows[1]).union(rows[2]).union(rows[3])

    (found,) = of_all.transform(gold_balance.to_sensitivity).toArrow().to_pylist()

    assert found["slots"] == 3
    assert found["w_per_degree"] == pytest.approx(-20, rel=1e-9)
    assert found["intercept_w"] == pytest.approx(1000, rel=1e-9)
    assert found["r2"] == pytest.approx(1, rel=1e-9)


def test_where_the_temperature_does_not_vary_there_is_no_sensitivity(spark: SparkSession) -> None:
    rows = half_hours(spark, date(2026, 1, 5), ["5.0", "6.0", "7.3"], temperature_reelle_lissee="5.300")

    (found,) = rows.transform(gold_balance.to_sensitivity).toArrow().to_pylist()

    assert (found["slots"], found["w_per_degree"], found["intercept_w"], found["r2"]) == (3, None, None, None)
