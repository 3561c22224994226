"""What a row of the feature matrix holds, written out."""

from datetime import date, timedelta

import numpy as np
import pytest
from feature_documents import days_from, documents_of

from courant.domain.feature_matrix import FeatureMatrix
from courant.transforms.day_variables import HISTORY_DAYS, heating
from courant.transforms.features import to_features

FIRST = date(2026, 1, 5)  # a Monday
WEATHER = {"temperature_reelle_lissee": 8.0, "temperature_normale_lissee": 6.5, "pseudo_rayonnement": 40.0}


def load(day: date, half_hour: int) -> float:
    """Tell day and half hour by the value: 3 January's 10th is 310."""
    return 100.0 * (day - FIRST).days + half_hour


def matrix(
    days: list[date], *, history: int = 60, weather: str = "unknown", **fields: float
) -> FeatureMatrix:
    constants = {name: lambda _day, _h, value=value: value for name, value in fields.items()}
    found = documents_of(days_from(FIRST, history), load_w=load, **constants)
    return to_features(found, days=days, weather=weather)  # type: ignore[arg-type]


def test_a_row_looks_back_on_the_same_half_hour_and_on_the_last_before_midnight() -> None:
    day = FIRST + timedelta(days=42)  # Monday, 16 February
    row = matrix([day]).take(np.arange(48) == 20)

    found = {name: row.column(name).item() for name in row.columns if name.startswith("load_")}
    assert found == {
        "load_1d_w": 4_120, "load_2d_w": 4_020, "load_7d_w": 3_520, "load_14d_w": 2_820,
        "load_similar_w": (3_720 + 3_820 + 3_920) / 3,  # Wednesday to Friday; the weekend has another shape
        "load_midnight_w": 4_147, "load_evening_w": 4_143.5,
        "load_mean_1d_w": 4_123.5, "load_mean_2d_w": 4_023.5, "load_mean_7d_w": 3_523.5,
        "load_excess_1d_w": 4_120 - (2_020 + 2_720 + 3_420) / 3,  # a Sunday beside the three before it
        "load_excess_evening_w": 1_400, "load_excess_mean_1d_w": 1_400, "load_excess_mean_2d_w": 1_400,
    }  # fmt: skip
    assert row.target_w.tolist() == [4_220]


def test_calendar_flags_know_the_days_around_a_holiday() -> None:
    monday, thursday = date(2023, 5, 8), date(2023, 5, 18)
    history = documents_of(days_from(date(2023, 3, 1), 90), load_w=load)
    found = to_features(
        history, days=[monday, monday + timedelta(1), thursday + timedelta(1)], weather="unknown"
    )

    def flags(day: date) -> set[str]:
        rows = found.between(day, day)
        return {
            name
            for name in rows.columns
            if name.startswith(("is_", "was_", "before_")) and rows.column(name)[0]
        }

    assert flags(monday) == {"is_holiday", "was_sunday", "was_holiday_7d"}
    assert flags(monday + timedelta(1)) == {"is_tuesday", "was_holiday"}
    assert flags(thursday + timedelta(1)) == {"is_bridge", "was_holiday"}


def test_each_slot_of_a_clock_change_has_a_row_with_the_features_of_its_clock_time() -> None:
    spring, autumn = date(2026, 3, 29), date(2026, 10, 25)
    found = documents_of(days_from(date(2026, 1, 1), 320), load_w=load)
    rows = to_features(found, days=[spring, autumn, autumn + timedelta(1)], weather="unknown")

    assert [int((rows.days == np.datetime64(day)).sum()) for day in (spring, autumn)] == [46, 50]
    assert rows.slots[46:96].tolist() == list(range(1, 51))
    assert rows.half_hours[46:55].tolist() == [0, 1, 2, 3, 4, 5, 4, 5, 6]
    yesterday = rows.column("load_1d_w")
    assert yesterday[4] == load(spring - timedelta(1), 6)
    assert yesterday[46 + 4] == yesterday[46 + 6] == load(autumn - timedelta(1), 4)
    assert yesterday[96 + 47] == load(autumn, 47)
    assert not np.isnan(rows.values).any()


def test_the_weather_of_the_day_is_a_column_only_where_it_is_known() -> None:
    day = FIRST + timedelta(days=40)
    unknown, known = (matrix([day], weather=setting, **WEATHER) for setting in ("unknown", "known"))

    assert set(known.columns) - set(unknown.columns) == {
        "temperature", "temperature_mean", "heating", "heating_mean", "heating_hard", "cooling",
        "radiation", "radiation_mean",
    }  # fmt: skip
    assert known.column("heating")[0] == 15 - 8
    assert known.column("heating_hard")[0] == 10 - 8
    assert unknown.column("temperature_above_normal_1d")[0] == 1.5


def test_a_series_without_weather_has_neither_its_columns_nor_a_row_less() -> None:
    day = FIRST + timedelta(days=40)

    without = matrix([day], weather="known")

    assert not [name for name in without.columns if name.startswith(("temperature", "heating", "radiation"))]
    assert len(without.trainable().target_w) == 48


def test_a_day_is_complete_after_three_weeks_of_history_and_needs_no_document() -> None:
    days = days_from(FIRST, 61)
    found = matrix(days, history=60, **WEATHER)

    lacking = {day.item() for day in found.days[np.isnan(found.values).any(axis=1)]}
    assert max(lacking) < FIRST + timedelta(days=HISTORY_DAYS)
    tomorrow = found.between(days[-1], days[-1])
    assert len(tomorrow.complete().values) == 48
    assert len(tomorrow.trainable().values) == 0


def test_a_missing_slot_is_no_target_and_lies_on_a_line_for_the_rows_that_look_back_on_it() -> None:
    days = days_from(FIRST, 60)
    found = documents_of(days, load_w=load)
    found[50]["load_w"][10] = None
    rows = to_features(found, days=days, weather="unknown").between(days[40], days[-1])

    assert not np.isnan(rows.values).any()
    assert rows.between(days[51], days[51]).column("load_1d_w")[10] == load(
        days[50], 10
    )  # it was a line before
    assert len(rows.trainable().between(days[50], days[50]).slots) == 47


def test_a_week_without_documents_has_no_target_and_costs_no_later_row() -> None:
    days = days_from(FIRST, 90)
    gap = days[40:47]
    found = [d for d in documents_of(days, load_w=load) if date.fromisoformat(d["day"]) not in gap]
    rows = to_features(found, days=days[40:], weather="unknown")

    assert not np.isnan(rows.values).any()
    usual = rows.between(days[46], days[46]).column("load_similar_w")
    assert rows.between(days[47], days[47]).column("load_1d_w").tolist() == usual.tolist()
    assert {day.item() for day in rows.trainable().days} == set(days[47:])


def test_may_has_features_though_its_holidays_fall_on_saturdays() -> None:
    days = days_from(date(2021, 3, 1), 100)
    rows = to_features(documents_of(days, load_w=load), days=days[31:], weather="unknown")

    assert not np.isnan(rows.values).any()


def test_heating_begins_below_15_degrees_and_what_is_unknown_stays_so() -> None:
    assert heating(np.array([20.0, 15.0, 4.0, np.nan])).tolist() == pytest.approx(
        [0, 0, 11, np.nan], nan_ok=True
    )
