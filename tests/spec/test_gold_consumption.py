"""Gold of the consumption, drawn segment by segment: totals beside their parts, what is masked, days and months."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from courant.domain.contract import load_contracts
from courant.transforms import gold, gold_consumption

CONTRACTS = load_contracts(Path(__file__).resolve().parents[2] / "contracts")
INF36 = CONTRACTS["consumption_inf36"]
SILVER = (
    "slot_start_utc timestamp, paris_day date, slot int, region_code string, profil string,"
    " plage_de_puissance_souscrite string, is_total boolean, total_energie_soutiree_wh bigint,"
    " nb_points_soutirage bigint"
)
MONDAY = date(2026, 1, 5)
P0, P1, P2 = "P0: Total <= 36 kVA", "P1: ]0-3] kVA", "P2: ]3-6] kVA"
Reading = tuple[int, str, int | None, int | None]


def silver(
    spark: SparkSession, *rows: Reading, day: date = MONDAY, region: str = "84", profile: str = "RES3"
) -> DataFrame:
    """Give readings: slot, power range, energy, sites."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=1)
    half_hour = timedelta(minutes=30)
    filled = [
        (midnight + (slot - 1) * half_hour, day, slot, region, profile, name, name == P0, energy, sites)
        for slot, name, energy, sites in rows
    ]
    return spark.createDataFrame(filled, SILVER)


def rows_of(frame: DataFrame, *columns: str, by: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in frame.orderBy(by).select(*columns).toArrow().to_pylist()]


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        pytest.param(
            [(1, P0, 30, 7), (1, P1, 10, 3), (1, P2, 20, 4)],
            (30, 30, 30, 3, 0, 7, True),
            id="a total is not added to its parts",
        ),
        pytest.param(
            [(1, P0, 30, 7), (1, P1, None, 3), (1, P2, 20, 4)],
            (30, 20, 30, 3, 1, 7, False),
            id="a masked part leaves the total, flagged",
        ),
        pytest.param(
            [(1, P0, None, None), (1, P1, 10, 3), (1, P2, None, 4)],
            (10, 10, None, 3, 2, 7, False),
            id="without a total the parts count, flagged",
        ),
        pytest.param(
            [(1, P1, 10, 3), (1, P2, 20, 4)],
            (30, 30, None, 2, 0, 7, True),
            id="no total was published",
        ),
        pytest.param(
            [(1, P0, None, 7), (1, P1, None, 3)],
            (None, None, None, 2, 2, 7, False),
            id="all is masked",
        ),
        pytest.param([(1, P0, 0, 7)], (0, None, 0, 1, 0, 7, True), id="zero is a value"),
    ],
)
def test_a_half_hour_has_the_greater_of_totals_and_parts(
    spark: SparkSession, readings: list[Reading], expected: tuple[Any, ...]
) -> None:
    found = silver(spark, *readings).transform(gold_consumption.to_half_hours(INF36))

    columns = ("energy_wh", "parts_wh", "totals_wh", "segments", "masked", "sites", "is_complete")
    assert rows_of(found, *columns, by="slot") == [expected]


def test_a_half_hour_is_one_of_a_region_and_a_profile(spark: SparkSession) -> None:
    here = silver(spark, (1, P0, 5, 1), (2, P0, 6, 1))
    there = silver(spark, (1, P0, 7, 1), region="11").union(silver(spark, (1, P0, 8, 1), profile="PRO3"))

    found = here.union(there).transform(gold_consumption.to_half_hours(INF36))

    columns = ("slot_start_utc", "month", "slot", "dataset", "region_code", "profil", "energy_wh")
    first, second = datetime(2026, 1, 4, 23, tzinfo=UTC), datetime(2026, 1, 4, 23, 30, tzinfo=UTC)
    january, name = date(2026, 1, 1), "consumption_inf36"
    assert rows_of(found, *columns, by="energy_wh") == [
        (first, january, 1, name, "84", "RES3", 5),
        (second, january, 2, name, "84", "RES3", 6),
        (first, january, 1, name, "11", "RES3", 7),
        (first, january, 1, name, "84", "PRO3", 8),
    ]


def test_a_day_of_a_segment_has_its_energy_its_first_peak_and_what_is_masked(spark: SparkSession) -> None:
    parts = [(slot, P1, 10, 3) for slot in range(1, 49)]
    parts[4:7] = [(5, P1, 14, 3), (6, P1, 14, 5), (7, P1, None, 3)]
    totals = [(slot, P0, 20, 9) for slot in range(1, 49)]

    found = silver(spark, *parts, *totals).transform(gold_consumption.to_days(INF36))

    columns = ("plage_de_puissance_souscrite", "secteur_activite", "is_total", "energy_wh", "mean_power_w")
    more = ("peak_wh", "peak_slot", "sites", "slots", "expected_slots", "masked", "is_complete")
    assert rows_of(found, *columns, *more, by="is_total") == [
        # 45 * 10 + 2 * 14 = 478 Wh in 47 half hours: 478 * 2 / 47 W
        (P1, "", False, 478, Decimal("20.3404"), 14, 5, 5, 48, 48, 1, False),
        (P0, "", True, 960, Decimal("40.0000"), 20, 1, 9, 48, 48, 0, True),
    ]


def test_a_month_is_complete_when_all_of_its_days_are(spark: SparkSession) -> None:
    def february(days: int) -> DataFrame:
        rows = [
            (date(2026, 2, day), date(2026, 2, 1), "d", "84", f"{days}", P1, "", False, 100, True)
            for day in range(1, days + 1)
        ]
        segment = (
            "dataset string, region_code string, profil string, plage_de_puissance_souscrite string,"
            " secteur_activite string, is_total boolean"
        )
        return spark.createDataFrame(
            rows, f"paris_day date, month date, {segment}, energy_wh bigint, is_complete boolean"
        )

    found = february(28).union(february(27)).transform(gold_consumption.to_months)

    assert rows_of(found, "month", "profil", "energy_wh", "days", "is_complete", by="profil") == [
        (date(2026, 2, 1), "27", 2700, 27, False),
        (date(2026, 2, 1), "28", 2800, 28, True),
    ]


def test_completeness_counts_readings_and_what_their_segments_lack(spark: SparkSession) -> None:
    whole = [(slot, P1, 10, 3) for slot in range(1, 49)]
    holed = [(slot, P2, 10 if slot > 2 else None, 3) for slot in range(1, 48)]
    days = silver(spark, *whole, *holed).transform(gold_consumption.to_days(INF36))

    found = days.transform(gold_consumption.to_completeness)

    assert rows_of(found, "dataset", "found", "expected", "masked", "is_complete", by="paris_day") == [
        ("consumption_inf36", 95, 96, 2, False)
    ]


def test_peaks_add_up_a_regions_profiles_in_each_half_hour(spark: SparkSession) -> None:
    one = silver(spark, (1, P0, 10, 1), (2, P0, 5, 1), (3, P0, 11, 1))
    other = silver(spark, (1, P0, 1, 1), (2, P0, 9, 1), (3, P0, 3, 1), profile="PRO3")
    half_hours = one.union(other).transform(gold_consumption.to_half_hours(INF36))

    found = half_hours.transform(gold_consumption.to_peaks)

    assert rows_of(found, "region_code", "slot_start_utc", "power_w", by="month") == [
        ("84", datetime(2026, 1, 4, 23, 30, tzinfo=UTC), Decimal("28.0"))  # 14 Wh, as in slot 3
    ]


def test_load_curves_average_the_days_that_have_a_value(spark: SparkSession) -> None:
    days = {date(2026, 1, 5): 10, date(2026, 1, 6): 15, date(2026, 1, 7): None, date(2026, 1, 10): 2}
    rows = [silver(spark, (1, P0, energy, 1), day=day) for day, energy in days.items()]
    of_all = rows[0].union(rows[1]).union(rows[2]).union(rows[3])
    half_hours = of_all.transform(gold_consumption.to_half_hours(INF36))

    found = half_hours.transform(gold_consumption.to_load_curves)

    assert rows_of(found, "day_type", "slot", "mean_wh", "days", by="day_type") == [
        ("saturday", 1, Decimal("2.0000"), 1),
        ("working_day", 1, Decimal("12.5000"), 2),
    ]


def test_sites_are_those_of_the_months_newest_day(spark: SparkSession) -> None:
    rows = silver(spark, (1, P0, 1, 90)).union(silver(spark, (1, P0, 1, 80), day=date(2026, 1, 6)))

    found = rows.transform(gold_consumption.to_half_hours(INF36)).transform(gold_consumption.to_site_counts)

    assert rows_of(found, "month", "region_code", "profil", "sites", by="month") == [
        (date(2026, 1, 1), "84", "RES3", 80)
    ]


def test_each_recipe_makes_a_table_of_gold_after_the_one_it_reads() -> None:
    made = [recipe for contract in CONTRACTS.values() for recipe in gold.recipes(contract)]

    assert {recipe.table for recipe in made} == set(gold.GOLD_TABLES)
    order = {name: place for place, name in enumerate(gold.GOLD_TABLES)}
    assert all(order[r.source] < order[r.table] for r in made if r.source != "silver")
