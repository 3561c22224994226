"""The watcher with the real servers: what it keeps, whom it tells, what it finds."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from apprise import Apprise
from ingesting import CONTRACTS, ask, own_sinks, produce
from pymongo import MongoClient
from waiting import wait_until
from webhook import Webhook, webhook

from courant.alerts import watch as watching
from courant.alerts.watch import watch
from courant.domain.alert import Alert, Change, Urgency
from courant.domain.alert_rules import AlertRules
from courant.domain.calendar import slots_of_day
from courant.errors import AnotherWriterError
from courant.settings import Settings
from courant.stores.kafka.alerts import ALERTS, send_alerts
from courant.stores.mysql.connection import session
from courant.stores.mysql.forecasts import replace_forecasts
from courant.stores.mysql.migrate import upgrade
from courant.stores.mysql.schema import create_tables
from courant.stores.runs import RunRecord, record_run

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
COOLDOWN_S = 6  # where a test waits for it
#: Between two alerts by the watcher's own clock: a message itself may be under way for a second.
_QUIET = "SELECT TIMEDIFF(b.delivered_at, a.kept_at) FROM alert a, alert b WHERE b.alert_id = %s AND a.alert_id = %s"


@pytest.fixture
def settings(stack: Settings, request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    name = f"aw_{request.node.name.removeprefix('test_')[:30]}"
    made = own_sinks(stack, name, tmp_path)
    upgrade(made)
    return made


@contextmanager
def watched(
    settings: Settings, *rules: dict[str, Any], told: Webhook | None = None, cooldown_minutes: float = 30
) -> Iterator[list[Alert]]:
    """Watch in a thread; give what it reports, and raise what ended it."""
    stop, reported, failures = threading.Event(), [], []
    channels = {}
    if told:
        channels["hook"] = Apprise()
        channels["hook"].add(told.url)
    chosen = AlertRules.model_validate(
        {"rule": rules, "check_every_s": 0.2, "cooldown_minutes": cooldown_minutes}
    )

    def run() -> None:
        try:
            watch(
                settings, chosen, CONTRACTS, channels, stop=stop,
                report=lambda alert, _: reported.append(alert),
            )  # fmt: skip
        except Exception as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield reported
    finally:
        stop.set()
        thread.join(timeout=60)
    assert failures == []


def an_alert(rule: str, number: int = 0, **values: Any) -> Alert:
    alert = Alert(
        f"{rule}:{number}", rule, "foreign", "balance", "balance", Urgency.WARNING, Change.RAISED, NOON,
        text=f"{rule} {number}",
    )  # fmt: skip
    return replace(alert, **values)


def kept(settings: Settings, rule: str) -> list[tuple[Any, ...]]:
    sql = "SELECT alert_id, state, delivery FROM alert WHERE rule = %s ORDER BY kept_at, alert_id"
    return list(ask(settings, sql, (rule,)))


def a_rule(kind: str, **values: Any) -> dict[str, Any]:
    return {"name": f"r{uuid4().hex[:12]}", "kind": kind, **values}


def test_a_storm_is_kept_whole_and_told_once(settings: Settings) -> None:
    rule = f"storm_{uuid4().hex[:8]}"
    with webhook() as told, watched(settings, told=told):
        send_alerts(settings, [an_alert(rule, number) for number in range(1000)])
        wait_until(lambda: len(kept(settings, rule)) == 1000)
        wait_until(lambda: rule in told.bodies())
        send_alerts(settings, [an_alert(rule, 1000)])
        wait_until(lambda: len(kept(settings, rule)) == 1001)

    assert told.bodies().count(f"{rule} ") == 2  # its name and its text, once
    deliveries = [row[2] for row in kept(settings, rule)]
    assert (deliveries.count("sent"), deliveries.count("suppressed")) == (1, 1000)


def test_a_recovery_is_told_and_what_comes_back_is_told_after_the_cooldown(settings: Settings) -> None:
    rule = f"back_{uuid4().hex[:8]}"
    well = an_alert(rule, 2, state=Change.RECOVERED, text="well")
    with webhook() as told, watched(settings, told=told, cooldown_minutes=COOLDOWN_S / 60):
        send_alerts(settings, [an_alert(rule, 1)])
        wait_until(lambda: f"{rule} 1" in told.bodies())
        send_alerts(settings, [well, an_alert(rule, 3)])
        wait_until(lambda: f"{rule} 3" in told.bodies())

    assert told.when(f"{rule} recovered") < told.when(f"{rule} 3")
    ((quiet,),) = ask(settings, _QUIET, (f"{rule}:3", f"{rule}:1"))
    assert quiet >= timedelta(seconds=COOLDOWN_S)

    assert [row[1:] for row in kept(settings, rule)] == [
        ("raised", "sent"), ("recovered", "sent"), ("raised", "sent"),
    ]  # fmt: skip


def test_alerts_sent_twice_are_kept_once_whatever_watcher_reads_them(settings: Settings) -> None:
    rule = f"twice_{uuid4().hex[:8]}"
    with watched(settings):
        send_alerts(settings, [an_alert(rule, 1), an_alert(rule, 1), an_alert(rule, 2)])
        wait_until(lambda: len(kept(settings, rule)) == 2)
    with watched(settings) as reported:
        send_alerts(settings, [an_alert(rule, 2), an_alert(rule, 3)])
        wait_until(lambda: len(kept(settings, rule)) == 3)

    assert [alert.alert_id for alert in reported if alert.rule == rule] == [f"{rule}:3"]
    [(standing,)] = ask(settings, "SELECT alerts FROM alert_standing WHERE rule = %s", (rule,))
    assert standing == 3


def test_what_is_no_alert_is_kept_with_the_reason_and_stops_nothing(settings: Settings) -> None:
    rule = f"after_{uuid4().hex[:8]}"
    junk = f"junk {rule}".encode()
    with watched(settings):
        [(partition, offset)] = produce(settings, ALERTS, [junk])
        send_alerts(settings, [an_alert(rule)])
        wait_until(lambda: kept(settings, rule))
        wait_until(lambda: ask(settings, "SELECT 1 FROM alert_unread WHERE raw = %s", (junk,)))

    sql = "SELECT partition_id, record_offset, reason FROM alert_unread WHERE raw = %s"
    [(found_partition, found_offset, reason)] = ask(settings, sql, (junk,))
    assert (found_partition, found_offset) == (partition, offset)
    assert "is no alert" in reason


def test_a_channel_that_refuses_is_told_when_it_takes_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(watching, "_TRY_AGAIN_S", 0.5)
    rule = f"refused_{uuid4().hex[:8]}"
    with webhook() as told, watched(settings, told=told), caplog.at_level(logging.WARNING):
        told.refuses = True
        send_alerts(settings, [an_alert(rule)])
        wait_until(lambda: kept(settings, rule))
        before = told.refused
        wait_until(lambda: told.refused > before)
        assert [row[2] for row in kept(settings, rule)] == ["pending"]
        told.refuses = False
        wait_until(lambda: rule in told.bodies())

    assert [row[2] for row in kept(settings, rule)] == ["sent"]
    assert "hook did not take alerts" in caplog.text
    assert "127.0.0.1" not in caplog.text  # addresses may hold passwords


def test_without_a_channel_alerts_are_kept_and_say_so(settings: Settings) -> None:
    rule = f"alone_{uuid4().hex[:8]}"
    with watched(settings):
        send_alerts(settings, [an_alert(rule)])
        wait_until(lambda: kept(settings, rule))

    assert [row[2] for row in kept(settings, rule)] == ["unaddressed"]


def test_two_watchers_do_not_watch_at_once(settings: Settings) -> None:
    rule = f"first_{uuid4().hex[:8]}"
    with watched(settings):
        send_alerts(settings, [an_alert(rule)])
        wait_until(lambda: kept(settings, rule))
        with pytest.raises(AnotherWriterError, match="alerts"):
            watch(settings, AlertRules(), CONTRACTS, {}, stop=threading.Event(), report=lambda *_: None)


def test_a_forecast_beyond_the_limit_is_told_for_each_day_and_recovers(settings: Settings) -> None:
    rule = a_rule("forecast", series="balance", above=58e9)
    with watched(settings, rule) as reported:
        forecast(settings, date(2026, 1, 6), peak_w=59e9)
        wait_until(lambda: len(of(reported, rule)) == 1)
        forecast(settings, date(2026, 1, 7), peak_w=60e9)
        wait_until(lambda: len(of(reported, rule)) == 2)
        forecast(settings, date(2026, 1, 8), peak_w=50e9)
        wait_until(lambda: len(of(reported, rule)) == 3)

    first, second, third = of(reported, rule)
    assert first.text == (
        "the forecast of balance for 2026-01-06 comes to 59.00 GW at 19:00 (Paris), above 58.00 GW"
    )
    assert (first.slot_start, first.value) == (datetime(2026, 1, 6, 18, 0, tzinfo=UTC), 59e9)
    assert (second.state, "60.00 GW" in second.text) == (Change.RAISED, True)
    assert third.state is Change.RECOVERED


def test_half_hours_in_a_row_outside_their_interval_raise_an_alert_and_one_within_ends_it(
    settings: Settings,
) -> None:
    rule = a_rule("interval", series="balance", half_hours=3)
    marker = a_rule("reconcile", dataset="balance")
    forecast(settings, date(2026, 1, 6), peak_w=50e9)  # 40 GW, ± 1 GW
    with watched(settings, rule, marker) as reported:
        loads(settings, date(2026, 1, 6), [40e9, 43e9, 40.5e9, 43e9, 43e9])  # two in a row
        record_run(settings.lake.root, RunRecord("reconcile_layers", "balance", NOON, 3.0, 1))
        wait_until(lambda: of(reported, marker))  # so a check of both has come by
        assert of(reported, rule) == []
        loads(settings, date(2026, 1, 6), [40e9, 43e9, 40.5e9, 43e9, 37e9, 43.5e9])
        wait_until(lambda: of(reported, rule))
        loads(settings, date(2026, 1, 6), [40e9, 43e9, 40.5e9, 43e9, 37e9, 43.5e9, 40e9])
        wait_until(lambda: len(of(reported, rule)) == 2)

    raised, well = of(reported, rule)
    assert raised.text == (
        "balance: 3 half hours in a row outside the forecast's interval, the last with 43.50 GW,"
        " forecast 39.00 GW to 41.00 GW"
    )
    assert (raised.slot_start, raised.threshold) == (datetime(2026, 1, 6, 1, 30, tzinfo=UTC), 41e9)
    assert well.state is Change.RECOVERED


def test_a_data_set_that_falls_silent_raises_an_alert_until_it_is_heard_again(settings: Settings) -> None:
    rule = a_rule("silence", dataset="balance", minutes=0.02)
    never = a_rule("silence", dataset="consumption_inf36", minutes=0.02)
    batch(settings, datetime.now(UTC) - timedelta(hours=5))
    with watched(settings, rule, never) as reported:
        wait_until(lambda: of(reported, rule))
        batch(settings, datetime.now(UTC) + timedelta(minutes=1))
        wait_until(lambda: len(of(reported, rule)) == 2)

    raised, well = of(reported, rule)
    assert raised.value == pytest.approx(300, abs=1)  # minutes
    assert well.state is Change.RECOVERED
    assert of(reported, never) == []  # it never had a record


def test_a_sink_that_is_behind_raises_an_alert(settings: Settings) -> None:
    contract = CONTRACTS["balance"]
    rule = a_rule("lag", dataset="balance", records=5)
    with session(settings, "owner") as connection:
        create_tables(connection, contract)
    produce(settings, contract.topic, [b"{}"] * 10)
    with watched(settings, rule) as reported:
        wait_until(lambda: of(reported, rule))

    [alert] = of(reported, rule)
    assert alert.subject == "balance MySQL"
    assert alert.value is not None and alert.value >= 10


def test_a_reconcile_that_found_differences_raises_an_alert(settings: Settings) -> None:
    rule = a_rule("reconcile", dataset="balance")
    run = RunRecord("reconcile_layers", "balance", NOON, 3.0, 1, document={"ok": False})
    with watched(settings, rule) as reported:
        record_run(settings.lake.root, run)
        wait_until(lambda: of(reported, rule))
        record_run(settings.lake.root, replace(run, exit_code=0, document={"ok": True}))
        wait_until(lambda: len(of(reported, rule)) == 2)

    assert "the layers differ" in of(reported, rule)[0].text
    assert of(reported, rule)[1].state is Change.RECOVERED


def test_a_clean_check_for_drift_ends_what_the_job_raised(settings: Settings) -> None:
    series = f"drifting_{uuid4().hex[:8]}"
    raised = an_alert("drift", subject=series, kind="drift", alert_id=f"drift:{series}:2026-01-04")
    with watched(settings) as reported:
        send_alerts(settings, [raised])  # first, as the job does
        wait_until(lambda: of_subject(reported, series))
        drift(settings, series, date(2026, 1, 4), is_drift=True)
        drift(settings, series, date(2026, 1, 11), is_drift=False)
        wait_until(lambda: len(of_subject(reported, series)) == 2)

    assert [alert.state for alert in of_subject(reported, series)] == [Change.RAISED, Change.RECOVERED]


def test_a_rule_that_is_taken_out_of_the_file_ends_what_it_raised(settings: Settings) -> None:
    rule = a_rule("forecast", series="balance", above=58e9)
    forecast(settings, date(2026, 1, 6), peak_w=59e9)
    with watched(settings, rule) as reported:
        wait_until(lambda: of(reported, rule))
    with watched(settings) as reported:
        wait_until(lambda: of(reported, rule))

    [alert] = of(reported, rule)
    assert (alert.state, "no longer there" in alert.text) == (Change.RECOVERED, True)


def test_a_store_that_is_away_is_no_recovery(settings: Settings, taken_port: int) -> None:
    rule, other = a_rule("interval", series="balance", half_hours=1), a_rule("reconcile", dataset="balance")
    forecast(settings, date(2026, 1, 6), peak_w=50e9)
    loads(settings, date(2026, 1, 6), [43e9])
    with watched(settings, rule) as reported:
        wait_until(lambda: of(reported, rule))
    mongo = settings.mongo.model_copy(update={"uri": f"mongodb://127.0.0.1:{taken_port}", "timeout_s": 0.2})
    record_run(settings.lake.root, RunRecord("reconcile_layers", "balance", NOON, 3.0, 1))
    with watched(settings.model_copy(update={"mongo": mongo}), rule, other) as reported:
        wait_until(lambda: of(reported, other))  # the others are checked all the same

    assert of(reported, rule) == []


def of(reported: list[Alert], rule: dict[str, Any]) -> list[Alert]:
    return [alert for alert in reported if alert.rule == rule["name"]]


def of_subject(reported: list[Alert], subject: str) -> list[Alert]:
    return [alert for alert in reported if alert.subject == subject]


def forecast(settings: Settings, day: date, *, peak_w: float) -> None:
    """Forecast 40 GW all day but for a peak at 19:00 in Paris, within 1 GW."""
    starts = slots_of_day(day)
    rows = [
        {
            "series": "balance", "slot_start_utc": start.replace(tzinfo=None), "dataset": "balance",
            "paris_day": day, "slot": slot, "power_w": power, "low_w": power - 1e9, "high_w": power + 1e9,
            "model": "ridge", "model_version": 1, "made_at": NOON.replace(tzinfo=None),
        }
        for slot, start in enumerate(starts, start=1)
        if (power := peak_w if slot == 39 else 40e9)
    ]  # fmt: skip
    with session(settings, "writer") as connection:
        replace_forecasts(connection, rows)
        connection.commit()


def loads(settings: Settings, day: date, known: list[float]) -> None:
    """Publish the first half hours of a day."""
    document = {
        "_id": f"{day}|balance", "series": "balance", "dataset": "balance", "day": day.isoformat(),
        "load_w": [*known, *[None] * (48 - len(known))],
    }  # fmt: skip
    with MongoClient[dict[str, Any]](settings.mongo.uri) as client:
        client[settings.mongo.database]["features_daily"].replace_one(
            {"_id": document["_id"]}, document, upsert=True
        )


def batch(settings: Settings, committed_at: datetime) -> None:
    ask(
        settings,
        "INSERT INTO ingest_batch (dataset, run_id, batch_id, committed_at, rows_in, accepted, rejected, warnings,"
        " load_ms) VALUES ('balance', 'r', 0, %s, 1, 1, 0, '{}', 1)",
        (committed_at.replace(tzinfo=None),),
        account="writer",
    )


def drift(settings: Settings, series: str, last_day: date, *, is_drift: bool) -> None:
    ask(
        settings,
        "INSERT INTO drift (series, last_day, feature, dataset, ks_statistic, p_adjusted, psi, is_drift, verdict,"
        " checked_at) VALUES (%s, %s, 'load', 'balance', 0.5, 0.001, 0.3, %s, 'v', %s)",
        (series, last_day, is_drift, NOON.replace(tzinfo=None)),
        account="writer",
    )
