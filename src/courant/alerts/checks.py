"""The rules that need more than one reading: each asks its source, and says how it stands."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import singledispatch
from typing import Any

from courant.alerts.findings import Finding, Key
from courant.domain.alert import Standing, Urgency, with_unit
from courant.domain.alert_rules import (
    AlertRules,
    ForecastRule,
    IntervalRule,
    LagRule,
    ReconcileRule,
    Rule,
    SilenceRule,
    ThresholdRule,
    subject_fields,
)
from courant.domain.calendar import PARIS
from courant.domain.contract import Contract
from courant.errors import CourantError, MySQLDownError
from courant.layers.status import read_lags
from courant.settings import Settings
from courant.stores import mongo
from courant.stores.mongo_features import newest_loads
from courant.stores.mysql import watching
from courant.stores.mysql.alerts import newest_reading
from courant.stores.mysql.connection import LoadConnection
from courant.stores.runs import read_runs

log = logging.getLogger(__name__)

#: What this watcher raises or ends; alerts of other kinds, which other programs send, are theirs to end.
OUR_KINDS = frozenset({"threshold", "forecast", "interval", "silence", "lag", "reconcile"})


@dataclass(frozen=True, slots=True)
class Sources:
    """Where checks look, and when."""

    settings: Settings
    connection: LoadConnection
    contracts: Mapping[str, Contract]
    now: datetime
    since: datetime  # when watching began: a silence before it is nobody's fault


def find(sources: Sources, rules: AlertRules, raised: Mapping[Key, Standing]) -> list[Finding]:
    """Check all rules.

    A source that is away leaves its rules as they stand, with a line in the log: not to know is no recovery.

    Raises
    ------
    MySQLDownError
        If MySQL is away, where all that stands is kept.
    """
    checks: list[Callable[[], Iterable[Finding]]] = [
        lambda: _ended(rules, raised.values()),
        lambda: _drift(sources),
        *[_check_of(rule, sources, raised) for rule in rules.rule],
    ]
    return [finding for check in checks for finding in _guarded(check)]


def _check_of(
    rule: Rule, sources: Sources, raised: Mapping[Key, Standing]
) -> Callable[[], Iterable[Finding]]:
    if isinstance(rule, ThresholdRule):
        standings = [standing for (name, _), standing in raised.items() if name == rule.name]
        return lambda: _back_within(rule, sources, standings)
    return lambda: check(rule, sources)


def _guarded(check: Callable[[], Iterable[Finding]]) -> list[Finding]:
    try:
        return list(check())
    except MySQLDownError:
        raise
    except CourantError as error:
        log.warning("a rule could not be checked: %s", error.message)
        return []


@singledispatch
def check(rule: Rule, sources: Sources) -> Iterator[Finding]:
    """Say how a rule stands for each subject that its source knows of."""
    raise NotImplementedError(type(rule))


@check.register
def _forecast(rule: ForecastRule, sources: Sources) -> Iterator[Finding]:
    """Judge the newest forecast day by its half hour that is furthest beyond the limit."""
    rows = watching.forecasts(sources.connection, rule.series, days=1)
    if not rows:
        return
    crossed = [(row, limit) for row in rows if (limit := rule.limit_crossed_by(row["power_w"])) is not None]
    row, limit = max(crossed, key=lambda one: abs(one[0]["power_w"] - one[1]), default=(rows[-1], None))
    start = row["slot_start_utc"].replace(tzinfo=UTC)
    text = f"the forecast of {rule.series} for {row['paris_day']} keeps within the limits"
    if limit is not None:
        side = "above" if row["power_w"] > limit else "below"
        text = (
            f"the forecast of {rule.series} for {row['paris_day']} comes to {with_unit(row['power_w'], 'W')} at"
            f" {start.astimezone(PARIS):%H:%M} (Paris), {side} {with_unit(limit, 'W')}"
        )
    yield _finding(
        rule, rule.series, _dataset_of(rule.series), limit is not None,
        value=row["power_w"], threshold=limit, unit="W", slot_start=start, text=text,
    )  # fmt: skip


@check.register
def _interval(rule: IntervalRule, sources: Sources) -> Iterator[Finding]:
    """Hold the newest half hours against the interval of their forecast."""
    with mongo.session(sources.settings) as database:
        loads = newest_loads(database, rule.series, days=2)
    rows = {
        (row["paris_day"].isoformat(), row["slot"]): row
        for row in watching.forecasts(sources.connection, rule.series, days=3)
    }
    newest = [(rows[key], load) for key, load in loads if key in rows][-rule.half_hours :]
    if len(newest) < rule.half_hours:
        return
    row, load = newest[-1]
    is_broken = all(not one["low_w"] <= value <= one["high_w"] for one, value in newest)
    where = "outside" if is_broken else "no longer outside"
    interval = f"{with_unit(row['low_w'], 'W')} to {with_unit(row['high_w'], 'W')}"
    text = (
        f"{rule.series}: {rule.half_hours} half hours in a row {where} the forecast's interval,"
        f" the last with {with_unit(load, 'W')}, forecast {interval}"
    )
    yield _finding(
        rule, rule.series, _dataset_of(rule.series), is_broken, value=load,
        threshold=row["high_w"] if load > row["high_w"] else row["low_w"], unit="W",
        slot_start=row["slot_start_utc"].replace(tzinfo=UTC), text=text,
    )  # fmt: skip


@check.register
def _silence(rule: SilenceRule, sources: Sources) -> Iterator[Finding]:
    """Look when the newest batch was committed; a data set that never had one is not silent."""
    newest = watching.newest_commit(sources.connection, rule.dataset)
    if newest is None:
        return
    heard = newest.replace(tzinfo=UTC)
    quiet = sources.now - max(heard, sources.since) > timedelta(minutes=rule.minutes)
    minutes = (sources.now - heard).total_seconds() / 60
    text = f"{rule.dataset}: the newest record in MySQL came at {heard:%Y-%m-%d %H:%M} UTC"
    yield _finding(
        rule, rule.dataset, rule.dataset, quiet, value=minutes, threshold=rule.minutes, unit="min", text=text
    )


@check.register
def _lag(rule: LagRule, sources: Sources) -> Iterator[Finding]:
    """Count what each sink has not taken yet; a sink that was never made has none."""
    lags = read_lags(sources.settings, sources.contracts[rule.dataset])
    for sink, lag in lags.items():
        text = f"{rule.dataset}: {sink} is {lag:,} records behind the topic"
        yield _finding(
            rule, f"{rule.dataset} {sink}", rule.dataset, lag > rule.records,
            value=lag, threshold=rule.records, unit="records", text=text,
        )  # fmt: skip


@check.register
def _reconcile(rule: ReconcileRule, sources: Sources) -> Iterator[Finding]:
    """Read how the newest reconcile ended."""
    run = read_runs(sources.settings.lake.root).get(("reconcile_layers", rule.dataset))
    if run is None:
        return
    verdict = "agree" if run.ok else run.error or "differ: `courant reconcile` shows where"
    text = f"{rule.dataset}: by the reconcile of {run.finished_at:%Y-%m-%d %H:%M} UTC the layers {verdict}"
    yield _finding(rule, rule.dataset, rule.dataset, not run.ok, text=text)


def _back_within(rule: ThresholdRule, sources: Sources, standings: Iterable[Standing]) -> Iterator[Finding]:
    """Say what is well again: where the newest reading in MySQL, no older than the alert's, is within the limits."""
    contract = sources.contracts[rule.dataset]
    column = contract.field(rule.field).column
    for standing in standings:
        row = newest_reading(sources.connection, contract.view, _keys(contract, standing.subject))
        if row is None or row[column] is None or standing.last_slot is None:
            continue
        start, value = row["slot_start_utc"].replace(tzinfo=UTC), float(row[column])
        if start >= standing.last_slot and rule.limit_crossed_by(value) is None:
            unit = contract.field(rule.field).unit
            text = f"{rule.field} of {standing.subject} is {with_unit(value, unit)} again, within the limits"
            yield _finding(
                rule, standing.subject, rule.dataset, False,
                value=value, unit=unit, slot_start=start, text=text,
            )  # fmt: skip


def _keys(contract: Contract, subject: str) -> dict[str, str]:
    """Give the view's columns with the values that a subject is made of."""
    names = subject_fields(contract)
    if not names:
        return {}
    columns = [contract.field(name).column for name in names]
    own = {"dataset": contract.name} if any(d.table == "segment" for d in contract.dimensions) else {}
    return own | dict(zip(columns, subject.split("|"), strict=True))


def _drift(sources: Sources) -> Iterator[Finding]:
    """Say how each series' newest check stands: the job raises drift, and nobody else would end it."""
    for row in watching.drift_by_series(sources.connection):
        yield Finding(
            "drift", "drift", Urgency.WARNING, row["dataset"], row["series"], bool(row["is_drift"]),
            text=f"{row['series']}: by the check of {row['last_day']} features drifted"
            if row["is_drift"] else f"{row['series']}: no drift by the check of {row['last_day']}",
        )  # fmt: skip


def _ended(rules: AlertRules, raised: Iterable[Standing]) -> Iterator[Finding]:
    """End what was raised by a rule that is no longer there."""
    names = {rule.name for rule in rules.rule}
    for standing in raised:
        if standing.kind in OUR_KINDS and standing.rule not in names:
            yield Finding(
                standing.rule, standing.kind, Urgency.INFO, standing.dataset, standing.subject, False,
                text=f"{standing.subject}: the rule {standing.rule} is no longer there",
            )  # fmt: skip


def _finding(rule: Rule, subject: str, dataset: str, is_broken: bool, **values: Any) -> Finding:  # noqa: ANN401
    return Finding(rule.name, rule.kind, rule.severity, dataset, subject, is_broken, **values)


def _dataset_of(series: str) -> str:
    """Give the data set, with which a series' name begins."""
    return series.split("|", maxsplit=1)[0]
