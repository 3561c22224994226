"""Half hours become documents: slots in their places, sums exact, the earliest extreme, nothing made up."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types as T

from courant.domain.contract import load_contracts
from courant.transforms import documents, latest
from courant.transforms.document_parts import CALENDAR_SCHEMA, calendar_row

CONTRACTS = load_contracts(Path(__file__).resolve().parents[2] / "contracts")
BALANCE, INF36 = CONTRACTS["balance"], CONTRACTS["consumption_inf36"]
MONDAY = date(2026, 1, 5)  # begins at 23:00 UTC of the day before
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)
STARTS = {
    MONDAY: datetime(2026, 1, 4, 23, tzinfo=UTC),
    SPRING: datetime(2026, 3, 28, 23, tzinfo=UTC),
    AUTUMN: datetime(2026, 10, 24, 22, tzinfo=UTC),
}
BALANCE_SCHEMA = T.StructType(
    [
        T.StructField("slot_start_utc", T.TimestampType()),
        T.StructField("paris_day", T.DateType()),
        T.StructField("month", T.DateType()),
        T.StructField("slot", T.IntegerType()),
        T.StructField("is_complete", T.BooleanType()),
        *[T.StructField(f.column, T.DecimalType(24, f.scale + 1)) for f in BALANCE.measures],
    ]
)
CONSUMPTION_SCHEMA = (
    "slot_start_utc timestamp, paris_day date, slot int, dataset string, region_code string, profil string,"
    " energy_wh bigint, sites bigint, is_complete boolean"
)


def start_of(day: date, slot: int) -> datetime:
    return STARTS[day] + timedelta(minutes=30 * (slot - 1))


def balance(spark: SparkSession, rows: Iterable[dict[str, Any]], day: date = MONDAY) -> DataFrame:
    """Give half hours of a day; fields that a row does not name are null."""
    names = [field.name for field in BALANCE_SCHEMA]
    filled = [
        {
            "slot_start_utc": start_of(day, row["slot"]),
            "paris_day": day,
            "is_complete": True,
            **{name: Decimal(value) for name, value in row.items() if isinstance(value, str)},
            **{name: value for name, value in row.items() if not isinstance(value, str)},
        }
        for row in rows
    ]
    return spark.createDataFrame([tuple(row.get(name) for name in names) for row in filled], BALANCE_SCHEMA)


def consumption(spark: SparkSession, *rows: tuple[Any, ...], day: date = MONDAY) -> DataFrame:
    """Give half hours of a day: slot, region, profile, energy, sites, is_complete."""
    filled = [
        (start_of(day, slot), day, slot, "consumption_inf36", *rest) for slot, *rest in rows
    ]  # fmt: skip
    return spark.createDataFrame(filled, CONSUMPTION_SCHEMA)


def calendar(spark: SparkSession, *days: date) -> DataFrame:
    return spark.createDataFrame([calendar_row(day) for day in days], CALENDAR_SCHEMA)


def one(frame: DataFrame) -> dict[str, Any]:
    (row,) = frame.toArrow().to_pylist()
    return dict(row)


def some(document: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: document[name] for name in names}


@pytest.mark.parametrize(("day", "slots"), [(SPRING, 46), (MONDAY, 48), (AUTUMN, 50)])
def test_a_day_has_as_many_places_as_half_hours_and_null_where_one_lacks(
    spark: SparkSession, day: date, slots: int
) -> None:
    rows = consumption(
        spark, *[(slot, "84", "RES4", slot, 7, True) for slot in range(1, slots + 1) if slot != 3], day=day
    )

    found = one(rows.transform(documents.to_daily_curves(INF36)))

    assert found["slots"] == [1, 2, None, *range(4, slots + 1)]
    assert some(found, "slot_count", "expected_slots", "is_complete") == {
        "slot_count": slots - 1, "expected_slots": slots, "is_complete": False,
    }  # fmt: skip
    assert found["energy_wh"] == slots * (slots + 1) // 2 - 3


def test_a_curve_names_its_region_and_its_earliest_peak(spark: SparkSession) -> None:
    rows = consumption(
        spark,
        (2, "75", "RES1 (+ RES1WE)", 30, 12, True),
        (1, "75", "RES1 (+ RES1WE)", None, 11, False),
        (4, "75", "RES1 (+ RES1WE)", 30, None, True),
    )

    found = one(rows.transform(documents.to_daily_curves(INF36)))

    assert found["slots"][:5] == [None, 30, None, 30, None]
    assert len(found.pop("slots")) == 48
    assert found == {
        "_id": "2026-01-05|consumption_inf36|75|RES1 (+ RES1WE)", "day": "2026-01-05",
        "dataset": "consumption_inf36", "region_code": "75", "region": "Nouvelle Aquitaine",
        "profile": "RES1 (+ RES1WE)", "energy_wh": 60, "peak_slot": 2, "peak_wh": 30, "sites": 12,
        "slot_count": 3, "expected_slots": 48, "is_complete": False,
        "fresh_until_utc": datetime(2026, 1, 5, 1, 0, tzinfo=UTC),
    }  # fmt: skip


def test_a_day_whose_every_value_is_masked_has_no_energy_and_no_peak(spark: SparkSession) -> None:
    rows = consumption(spark, *[(slot, "84", "RES4", None, None, False) for slot in range(1, 49)])

    found = one(rows.transform(documents.to_daily_curves(INF36)))

    assert found["slots"] == [None] * 48
    assert some(found, "energy_wh", "peak_slot", "peak_wh", "sites", "slot_count", "is_complete") == {
        "energy_wh": None, "peak_slot": None, "peak_wh": None, "sites": None, "slot_count": 48,
        "is_complete": False,
    }  # fmt: skip


def test_a_balance_day_adds_energies_exactly_and_finds_the_earliest_extremes(spark: SparkSession) -> None:
    load = {1: "100.5", 2: "300.0", 3: "300.0", 4: "100.5"}
    rows = balance(
        spark,
        [
            {"slot": slot, "consommation_totale": watts, "injection_rte": "90.0", "soutirage_rte": "9.5",
             "temperature_reelle_lissee": f"{slot}.000", "pseudo_rayonnement": "0.125"}
            for slot, watts in load.items()
        ],
    )  # fmt: skip

    found = one(rows.transform(documents.to_daily_balance(BALANCE)))

    assert some(found, "_id", "day", "dataset") == {
        "_id": "2026-01-05", "day": "2026-01-05", "dataset": "balance",
    }  # fmt: skip
    assert found["consommation_totale_wh"] == (100.5 + 300 + 300 + 100.5) / 2
    assert found["net_import_wh"] == 4 * 80.5 / 2
    assert found["pertes_wh"] is None
    assert some(found, "peak_w", "peak_slot", "low_w", "low_slot") == {
        "peak_w": 300.0, "peak_slot": 2, "low_w": 100.5, "low_slot": 1,
    }  # fmt: skip
    assert found["temperatures"] == {
        "temperature_reelle_lissee": 2.5, "temperature_normale_lissee": None,
    }  # fmt: skip
    assert found["curves"]["consommation_totale"] == [100.5, 300.0, 300.0, 100.5, *[None] * 44]
    assert found["curves"]["pseudo_rayonnement"][:5] == [0.125] * 4 + [None]
    assert found["curves"]["pertes"] == [None] * 48
    assert found["fresh_until_utc"] == datetime(2026, 1, 5, 1, 0, tzinfo=UTC)
    assert not found["is_complete"]


def test_a_balance_day_is_complete_when_every_half_hour_is_there_and_whole(spark: SparkSession) -> None:
    whole = [{"slot": slot, "consommation_totale": "1.0"} for slot in range(1, 47)]
    days = {
        "whole": whole,
        "one made of one step of two": [*whole[:-1], {**whole[-1], "is_complete": False}],
        "one lacks": whole[:-1],
    }
    found = {
        name: one(balance(spark, rows, SPRING).transform(documents.to_daily_balance(BALANCE)))["is_complete"]
        for name, rows in days.items()
    }
    assert found == {"whole": True, "one made of one step of two": False, "one lacks": False}


def test_features_have_mean_power_the_calendar_and_the_national_weather(spark: SparkSession) -> None:
    weather = balance(
        spark,
        [{"slot": 1, "consommation_totale": "5.5", "temperature_reelle_lissee": "-1.250",
          "temperature_normale_lissee": "2.000", "pseudo_rayonnement": "3.000"}],
    )  # fmt: skip
    rows = consumption(spark, (1, "84", "RES4", 11, 7, True), (2, "84", "RES4", None, 7, False))

    found = one(rows.transform(documents.to_consumption_features(weather, calendar(spark, MONDAY))))

    arrays = ("load_w", "temperature_reelle_lissee", "temperature_normale_lissee", "pseudo_rayonnement")
    assert [found.pop(name) for name in arrays] == [
        [first, *[None] * 47] for first in (22.0, -1.25, 2.0, 3.0)
    ]
    assert found == {
        "_id": "2026-01-05|consumption_inf36|84|RES4", "day": "2026-01-05",
        "dataset": "consumption_inf36", "series": "consumption_inf36|84|RES4", "weekday": 1,
        "is_holiday": False, "season": "winter", "day_of_year": 5, "slot_count": 2, "expected_slots": 48,
        "is_complete": False, "fresh_until_utc": datetime(2026, 1, 5, 0, 0, tzinfo=UTC),
    }  # fmt: skip


def test_features_of_a_day_without_balance_have_no_weather_but_all_places(spark: SparkSession) -> None:
    rows = consumption(spark, (1, "84", "RES4", 11, 7, True))

    found = one(
        rows.transform(documents.to_consumption_features(balance(spark, []), calendar(spark, MONDAY)))
    )

    assert found["temperature_reelle_lissee"] == found["pseudo_rayonnement"] == [None] * 48


def test_the_balance_s_own_features_have_its_load(spark: SparkSession) -> None:
    rows = balance(spark, [{"slot": 2, "consommation_totale": "5.5"}])

    found = one(rows.transform(documents.to_balance_features(BALANCE, calendar(spark, MONDAY))))

    assert (found["_id"], found["series"], found["load_w"][:3]) == (
        "2026-01-05|balance", "balance", [None, 5.5, None],
    )  # fmt: skip


def test_the_newest_half_hour_of_the_balance_has_shares_of_four_digits(spark: SparkSession) -> None:
    rows = balance(
        spark,
        [
            {"slot": 1, "consommation_totale": "1.0"},
            {"slot": 3, "consommation_totale": "600.0", "production_totale": "300.0",
             "production_photovoltaique": "100.0", "production_eolien": "50.5", "injection_rte": "20.0",
             "soutirage_rte": "30.5", "temperature_reelle_lissee": "1.500", "is_complete": False},
        ],
    )  # fmt: skip

    assert one(rows.transform(latest.to_balance_latest(BALANCE))) == {
        "_id": "balance", "day": "2026-01-05", "slot": 3,
        "slot_start_utc": datetime(2026, 1, 5, 0, 0, tzinfo=UTC),
        "fresh_until_utc": datetime(2026, 1, 5, 0, 30, tzinfo=UTC),
        "power_w": 600.0, "production_w": 300.0, "net_import_w": -10.5,
        "solar_share_of_production": 0.3333, "wind_share_of_production": 0.1683,
        "solar_share_of_consumption": 0.1667, "wind_share_of_consumption": 0.0842,
        "temperature_reelle_lissee": 1.5, "temperature_normale_lissee": None, "is_complete": False,
    }  # fmt: skip


def test_a_share_of_nothing_is_none(spark: SparkSession) -> None:
    rows = balance(
        spark,
        [{"slot": 1, "consommation_totale": "0.0", "production_totale": "0.0", "production_eolien": "0.0"}],
    )
    found = one(rows.transform(latest.to_balance_latest(BALANCE)))
    assert (found["wind_share_of_production"], found["wind_share_of_consumption"]) == (None, None)


def test_the_newest_consumption_is_of_the_last_day_that_has_all_its_slots(spark: SparkSession) -> None:
    whole = [
        row
        for slot in range(1, 47)
        for row in (
            (slot, "84", "RES4", 2, 1, True), (slot, "84", "PRO5", 1, 1, True), (slot, "11", "RES4", None, 1, False),
        )
    ]  # fmt: skip
    rows = consumption(spark, *whole, day=SPRING).union(
        consumption(spark, (1, "11", "RES4", 1000, 1, True), day=AUTUMN)
    )

    found = one(rows.transform(latest.to_consumption_latest(INF36)))

    assert found == {
        "_id": "consumption_inf36", "day": "2026-03-29", "energy_wh": 46 * 3,
        "regions": [
            {"region_code": "11", "region": "Île-de-France", "energy_wh": None, "is_complete": False},
            {"region_code": "84", "region": "Auvergne-Rhône-Alpes", "energy_wh": 46 * 3, "is_complete": True},
        ],
        "fresh_until_utc": datetime(2026, 10, 24, 22, 30, tzinfo=UTC),
    }  # fmt: skip


def test_where_no_day_has_all_its_slots_the_newest_is_taken(spark: SparkSession) -> None:
    rows = consumption(spark, (1, "84", "RES4", 5, 1, True), day=SPRING).union(
        consumption(spark, (1, "84", "RES4", 6, 1, True), day=AUTUMN)
    )
    found = one(rows.transform(latest.to_consumption_latest(INF36)))
    assert (found["day"], found["energy_wh"]) == ("2026-10-25", 6)


@pytest.mark.parametrize("dataset", ["balance", "consumption_inf36"])
def test_no_half_hours_give_no_newest_document(spark: SparkSession, dataset: str) -> None:
    found = (
        balance(spark, []).transform(latest.to_balance_latest(BALANCE))
        if dataset == "balance"
        else consumption(spark).transform(latest.to_consumption_latest(INF36))
    )
    assert found.collect() == []
