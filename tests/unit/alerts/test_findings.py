"""Which alerts follow from what checks find."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from courant.alerts.findings import Finding, news
from courant.domain.alert import Alert, Change, Standing, Urgency

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
BROKEN = Finding("behind", "lag", Urgency.WARNING, "balance", "balance MySQL", True, value=7.0)
WELL = replace(BROKEN, is_broken=False, value=0.0)
STANDING = Standing("behind", "balance MySQL", "lag", "balance", True, NOW, "behind:1")


def only(findings: list[Finding], *standings: Standing, now: datetime = NOW) -> list[Alert]:
    return news(findings, {(one.rule, one.subject): one for one in standings}, now)


def test_what_is_newly_broken_is_raised_and_what_is_well_is_not() -> None:
    [alert] = only([BROKEN, replace(WELL, subject="balance bronze")])

    assert (alert.state, alert.subject, alert.value) == (Change.RAISED, "balance MySQL", 7.0)


def test_what_is_known_to_be_broken_is_no_news_until_it_is_well() -> None:
    assert only([BROKEN], STANDING) == []
    assert [alert.state for alert in only([WELL], STANDING)] == [Change.RECOVERED]
    assert only([WELL], replace(STANDING, is_raised=False)) == []


def test_the_same_change_has_the_same_id_whenever_it_is_found() -> None:
    [first], [second] = only([BROKEN]), only([BROKEN], now=NOW + timedelta(minutes=1))

    assert first.alert_id == second.alert_id


def test_a_second_time_has_an_id_of_its_own() -> None:
    [first] = only([BROKEN])
    [again] = only([BROKEN], replace(STANDING, is_raised=False))
    [well] = only([WELL], STANDING)

    assert len({first.alert_id, again.alert_id, well.alert_id}) == 3


def test_a_forecast_that_crosses_for_another_day_is_news() -> None:
    standing = replace(STANDING, last_slot=NOW)

    assert only([replace(BROKEN, slot_start=NOW + timedelta(hours=6))], standing) == []
    [alert] = only([replace(BROKEN, slot_start=NOW + timedelta(hours=24))], standing)
    assert alert.state is Change.RAISED
