"""Drift from documents in MongoDB to rows in MySQL and one alert on Kafka, with the real servers."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest
from feature_documents import days_from, documents_of
from ingesting import ask, own_sinks
from kafka import KafkaConsumer, TopicPartition
from pymongo import MongoClient

from courant.batch.drift import detect_drift, to_document
from courant.errors import KafkaDownError, NotEnoughDataError
from courant.settings import Settings
from courant.transforms.day_grid import TEMPERATURE

FIRST, DAYS = date(2022, 12, 1), 460
LAST = date(2024, 3, 4)  # its 460th day
NOW = datetime(2024, 3, 5, 6, 0, tzinfo=UTC)
SEED = 3


@pytest.fixture(scope="module")
def settings(stack: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return own_sinks(stack, "drift", tmp_path_factory.mktemp("drift"))


def a_series(name: str, *, days: int = DAYS, factor: float = 1.0) -> list[dict[str, Any]]:
    """Make documents of load and temperature; the load of the last 28 days is multiplied."""
    chosen = days_from(FIRST, DAYS)[-days:]
    shocks = dict(zip(chosen, np.random.default_rng(SEED).normal(size=(days, 2)), strict=True))

    def temperature(day: date, half_hour: int) -> float:
        return float(8 + 3 * shocks[day][0] - (3 + 0.5 * shocks[day][1]) * np.cos(2 * np.pi * half_hour / 48))

    def load(day: date, half_hour: int) -> float:
        usual = 50e9 + 5e8 * shocks[day][1] - 6e9 * np.cos(2 * np.pi * half_hour / 48)
        return float(usual * (factor if (LAST - day).days < 28 else 1.0))

    documents = documents_of(chosen, **{"load_w": load, TEMPERATURE: temperature})
    own = {"series": name, "dataset": "drift_tests"}
    return [document | own | {"_id": f"{document['day']}|{name}"} for document in documents]


def publish(settings: Settings, *series: list[dict[str, Any]]) -> None:
    with MongoClient[dict[str, Any]](settings.mongo.uri) as client:
        collection = client[settings.mongo.database]["features_daily"]
        collection.delete_many({})
        for documents in series:
            collection.insert_many(documents)


def alerts_of(settings: Settings, series: str) -> list[dict[str, Any]]:
    """Read the whole topic with a plain client; give the values under the drift's and the series' key."""
    consumer = KafkaConsumer(bootstrap_servers=settings.kafka.bootstrap_servers, enable_auto_commit=False)
    try:
        parts = [TopicPartition("alerts", p) for p in consumer.partitions_for_topic("alerts") or ()]
        consumer.assign(parts)
        consumer.seek_to_beginning(*parts)
        ends, found = consumer.end_offsets(parts), []
        while any(consumer.position(part) < ends[part] for part in parts):
            found += [record for records in consumer.poll(1000).values() for record in records]
    finally:
        consumer.close()
    return [json.loads(record.value) for record in found if record.key == f"drift|{series}".encode()]


def test_a_shifted_load_has_its_rows_and_one_alert_however_often_it_is_checked(settings: Settings) -> None:
    publish(
        settings,
        a_series("drift.shifted", factor=1.2),
        a_series("drift.same"),
        a_series("drift.short", days=424),
    )

    first = to_document(detect_drift(settings, ["drift_tests"], now=NOW), ["drift_tests"])
    rows = ask(settings, "SELECT * FROM drift ORDER BY series, feature")
    second = to_document(detect_drift(settings, ["drift_tests"], now=NOW), ["drift_tests"])

    assert first == second
    checked, skipped = first["drift_tests"]["checked"], first["drift_tests"]["skipped"]
    assert "load_1d_w" in checked["drift.shifted"]["drifted"]
    assert not any(name.startswith("temperature") for name in checked["drift.shifted"]["drifted"])
    assert checked["drift.same"]["drifted"] == []
    assert skipped == {"drift.short": "424 days are too few"}
    assert ask(settings, "SELECT * FROM drift ORDER BY series, feature") == rows
    kept = ask(
        settings,
        "SELECT feature, last_day, dataset, verdict, checked_at FROM drift WHERE is_drift ORDER BY feature",
    )
    assert [row[0] for row in kept] == sorted(checked["drift.shifted"]["drifted"])
    assert {row[1:] for row in kept} == {
        (LAST, "drift_tests", "DRIFT DETECTED", datetime(2024, 3, 5, 6, 0))  # noqa: DTZ001 - as MySQL has it
    }
    (alert,) = alerts_of(settings, "drift.shifted")
    names = checked["drift.shifted"]["drifted"]
    assert alert["text"] == f"DRIFT DETECTED {', '.join(names)}"
    details = alert.pop("details")
    assert alert == {
        "alert_id": "drift:drift.shifted:2024-03-04",
        "rule": "drift",
        "kind": "drift",
        "dataset": "drift_tests",
        "subject": "drift.shifted",
        "severity": "warning",
        "state": "raised",
        "raised_at": "2024-03-05T06:00:00+00:00",
        "text": alert["text"],
    }
    assert details["last_day"] == "2024-03-04"
    assert [set(one) for one in details["features"]] == [{"feature", "ks", "p_adjusted", "psi"}] * len(names)
    assert alerts_of(settings, "drift.same") == []


def test_series_that_are_all_too_short_are_an_error_that_says_how_many_days_are_needed(
    settings: Settings,
) -> None:
    publish(settings, a_series("drift.short", days=30))

    with pytest.raises(NotEnoughDataError, match=r"425 days of a series are needed.*drift_tests has 30"):
        detect_drift(settings, ["drift_tests"], now=NOW)


def test_a_broker_that_is_away_leaves_the_check_to_the_next_run(settings: Settings, taken_port: int) -> None:
    publish(settings, a_series("drift.unheard", factor=1.2))
    kafka = settings.kafka.model_copy(update={"bootstrap_servers": f"127.0.0.1:{taken_port}"})

    with pytest.raises(KafkaDownError):
        detect_drift(settings.model_copy(update={"kafka": kafka}), ["drift_tests"], now=NOW)
    assert ask(settings, "SELECT * FROM drift WHERE series = 'drift.unheard'") == []
    detect_drift(settings, ["drift_tests"], now=NOW)

    assert len(alerts_of(settings, "drift.unheard")) == 1
