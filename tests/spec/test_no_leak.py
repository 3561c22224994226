"""A forecast made at midnight reads nothing that comes after it.

history                    | D, the day to forecast | later
load, weather              | load ...... target only| nothing is read
                           | weather ... only known | nothing is read
"""

from __future__ import annotations

from copy import deepcopy
from datetime import date
from functools import cache

import numpy as np
import pytest
from feature_documents import Document, days_from, documents_of

from courant.transforms.day_grid import FIELDS, LOAD
from courant.transforms.features import FeatureMatrix, to_features

DAYS = days_from(date(2025, 9, 1), 220)
CASES = [date(2025, 10, 26), date(2025, 10, 27), date(2025, 12, 24), date(2026, 1, 5), date(2026, 3, 29)]


@cache
def noisy_documents() -> list[Document]:
    noise = np.random.default_rng(20260105).normal(size=(len(FIELDS), 400, 48))
    return documents_of(
        DAYS,
        **{
            name: lambda day, h, i=i: 50.0 + float(noise[i, (day - DAYS[0]).days, h])
            for i, name in enumerate(FIELDS)
        },
    )


def changed(documents: list[Document], *, since: date, fields: tuple[str, ...] = FIELDS) -> list[Document]:
    """Shift everything from a day on, and say nothing of the days a week later."""
    shifted = deepcopy(documents)
    for document in shifted:
        if date.fromisoformat(document["day"]) >= since:
            document |= {name: [value * 3 + 7 for value in document[name]] for name in fields}
    return shifted


def features(documents: list[Document], day: date, weather: str) -> FeatureMatrix:
    return to_features(documents, days=[day], weather=weather)  # type: ignore[arg-type]


@pytest.mark.parametrize("day", CASES)
def test_with_the_weather_unknown_a_changed_day_and_future_change_no_feature(day: date) -> None:
    before = noisy_documents()
    without = [document for document in before if date.fromisoformat(document["day"]) < day]

    expected = features(before, day, "unknown")

    for documents in (changed(before, since=day), without):
        found = features(documents, day, "unknown")
        assert found.columns == expected.columns
        np.testing.assert_array_equal(found.values, expected.values)
    assert not np.isnan(expected.values).any()
    assert (features(changed(before, since=day), day, "unknown").target_w != expected.target_w).all()


@pytest.mark.parametrize("day", CASES)
def test_with_the_weather_known_only_the_weather_of_the_day_counts(day: date) -> None:
    before, tomorrow = noisy_documents(), DAYS[DAYS.index(day) + 1]
    expected = features(before, day, "known")

    for documents in (changed(before, since=day, fields=(LOAD,)), changed(before, since=tomorrow)):
        np.testing.assert_array_equal(features(documents, day, "known").values, expected.values)
    weather = features(changed(before, since=day), day, "known")
    moved = {name for name in expected.columns if (weather.column(name) != expected.column(name)).any()}
    assert moved == {
        "temperature",
        "temperature_mean",
        "heating",
        "heating_mean",
        "heating_hard",
        "cooling",
        "radiation",
        "radiation_mean",
    } - {"heating", "heating_mean", "heating_hard"}  # fmt: skip - at 50 °C nobody heats


@pytest.mark.parametrize("day", CASES)
def test_yesterday_does_change_the_features(day: date) -> None:
    before, yesterday = noisy_documents(), DAYS[DAYS.index(day) - 1]

    moved = (
        features(changed(before, since=yesterday), day, "unknown").values
        != features(before, day, "unknown").values
    )

    assert moved.any(axis=1).all()
