"""An alert as a message, and who is told when."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from courant.domain.alert import (
    Alert,
    Change,
    Delivery,
    Standing,
    Urgency,
    from_message,
    judge,
    overdue,
    sentence,
    to_message,
    with_unit,
)
from courant.errors import AlertFormatError

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
COOLDOWN = timedelta(minutes=30)
HIGH = Alert(
    "high:1", "high", "threshold", "balance", "balance", Urgency.CRITICAL, Change.RAISED, NOON,
    field="consommation_totale", value=58.3e9, threshold=58e9, unit="W", slot_start=NOON,
)  # fmt: skip
WELL = replace(HIGH, alert_id="high:2", state=Change.RECOVERED, value=40e9, threshold=None)


def after(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def told(*steps: tuple[float, Alert]) -> tuple[list[Delivery], Standing]:
    """Judge alerts at minutes after noon, one after the other."""
    standing, deliveries = None, []
    for minutes, alert in steps:
        standing, delivery = judge(standing, alert, after(minutes), COOLDOWN)
        deliveries.append(delivery)
    assert standing is not None
    return deliveries, standing


def test_a_message_is_read_as_it_was_written() -> None:
    assert from_message(to_message(HIGH).encode()) == HIGH


def test_names_that_an_alert_does_not_have_are_kept_as_details() -> None:
    message = json.loads(to_message(HIGH)) | {"source": "elsewhere"}

    assert from_message(json.dumps(message).encode()).details == {"source": "elsewhere"}


@pytest.mark.parametrize(
    "fault",
    [
        {"severity": "loud"},
        {"state": None},
        {"raised_at": "2026-01-05T12:00:00"},  # no offset
        {"raised_at": "noon"},
        {"value": float("nan")},
        {"value": "much"},
        {"subject": "s" * 256},
        {"unit": "u" * 17},
        {"rule": "r" * 65},
        {"details": 3},
    ],
)
def test_a_message_with_a_fault_is_refused(fault: dict[str, object]) -> None:
    with pytest.raises(AlertFormatError, match="is no alert"):
        from_message(json.dumps(json.loads(to_message(HIGH)) | fault).encode())


@pytest.mark.parametrize("raw", [None, b"", b"{}", b"[]", b"7", b"\xff", b"not json"])
def test_what_is_no_alert_at_all_is_refused(raw: bytes | None) -> None:
    with pytest.raises(AlertFormatError):
        from_message(raw)


def test_a_sentence_says_value_limit_and_slot() -> None:
    assert (
        sentence(HIGH)
        == "consommation_totale of balance is 58.30 GW, above 58.00 GW, in the slot of 2026-01-05 12:00 UTC"
    )
    assert "below 60.00 GW" in sentence(replace(HIGH, threshold=60e9))
    assert sentence(replace(HIGH, text="as it was said")) == "as it was said"
    assert sentence(replace(HIGH, field=None, value=None)) == "balance: high"


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (999, "W", "999 W"),
        (1e3, "W", "1.00 kW"),
        (2.5e6, "Wh", "2.50 MWh"),
        (-3e9, "W", "-3.00 GW"),
        (12.5, "°C", "12.5 °C"),
        (7, None, "7"),
    ],
)
def test_numbers_are_written_for_people(value: float, unit: str | None, text: str) -> None:
    assert with_unit(value, unit) == text


def test_people_hear_of_a_storm_once_a_cooldown() -> None:
    deliveries, standing = told(*[(minute, HIGH) for minute in range(61)])

    assert [minute for minute, one in enumerate(deliveries) if one is Delivery.PENDING] == [0, 30, 60]
    assert {one for one in deliveries if one is not Delivery.PENDING} == {Delivery.SUPPRESSED}
    assert standing.alerts == 61


def test_a_recovery_is_told_to_those_who_were_told_of_the_alert() -> None:
    assert told((0, HIGH), (5, WELL))[0] == [Delivery.PENDING, Delivery.PENDING]


def test_a_recovery_of_what_nobody_was_told_of_is_not_told() -> None:
    deliveries, standing = told((0, HIGH), (5, WELL), (10, HIGH), (12, WELL))

    assert deliveries[2:] == [Delivery.SUPPRESSED, Delivery.SUPPRESSED]
    assert not standing.is_raised


def test_a_recovery_without_an_alert_is_not_told() -> None:
    assert told((0, WELL))[0] == [Delivery.SUPPRESSED]


def test_what_came_back_within_the_cooldown_is_overdue_when_it_is_over() -> None:
    _, standing = told((0, HIGH), (5, WELL), (10, HIGH))

    assert not overdue(standing, after(29), COOLDOWN)
    assert overdue(standing, after(30), COOLDOWN)
    assert not overdue(told((0, HIGH))[1], after(60), COOLDOWN)  # they were told of this one
    assert not overdue(told((0, HIGH), (5, WELL))[1], after(60), COOLDOWN)  # and this one is over


def test_the_newest_slot_of_an_alert_stands_whatever_order_readings_come_in() -> None:
    older = replace(HIGH, slot_start=after(-60))

    assert told((0, HIGH), (1, older))[1].last_slot == NOON
    assert told((0, HIGH), (1, WELL), (2, older))[1].last_slot == after(-60)
