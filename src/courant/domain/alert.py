"""An alert as it travels on its topic, and the pure rules of who is told of which, and when."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from courant.errors import AlertFormatError

_LONGEST = {"alert_id": 255, "rule": 64, "kind": 32, "dataset": 64, "subject": 255, "unit": 16}  # characters


class Urgency(StrEnum):
    """How soon somebody should look."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Change(StrEnum):
    """What an alert says of its subject."""

    RAISED = "raised"
    RECOVERED = "recovered"


class Delivery(StrEnum):
    """What becomes of an alert for people."""

    PENDING = "pending"  # somebody has to be told, and was not yet
    SENT = "sent"
    SUPPRESSED = "suppressed"  # they know, or were told of the same a moment ago
    UNADDRESSED = "unaddressed"  # no address is set
    FAILED = "failed"  # tried for a day


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing that somebody may want to know, with all that is needed to say it."""

    alert_id: str  # the same for the same finding, however often it is sent: what is kept is kept once
    rule: str
    kind: str
    dataset: str
    subject: str  # what the rule is broken by: a series, a region's profile, a data set
    severity: Urgency
    state: Change
    raised_at: datetime  # UTC
    field: str | None = None
    value: float | None = None
    threshold: float | None = None
    unit: str | None = None
    slot_start: datetime | None = None  # UTC; of the reading or the forecast half hour
    text: str = ""  # a sentence; empty where the values say it all
    details: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        """What is raised or not raised."""
        return self.rule, self.subject


def to_message(alert: Alert) -> str:
    """Write an alert as JSON; absent values are left out."""
    values = {name: _plain(value) for name, value in asdict(alert).items() if value not in (None, "", {})}
    return json.dumps(values, ensure_ascii=False)


def from_message(raw: bytes | None) -> Alert:
    """Read a message of the topic; names that it has beyond an alert's are kept in `details`.

    Raises
    ------
    AlertFormatError
        If it is no alert.
    """
    try:
        values = json.loads(raw or b"")
        names = set(Alert.__dataclass_fields__)
        known = {name: value for name, value in values.items() if name in names}
        more = {name: value for name, value in values.items() if name not in names}
        return Alert(**known | _typed(known) | {"details": {**known.get("details", {}), **more}})
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise AlertFormatError(f"A record of the alerts' topic is no alert: {error}") from error


def sentence(alert: Alert) -> str:
    """Say an alert in one line."""
    if alert.text:
        return alert.text
    what = f"{alert.field} of {alert.subject}" if alert.field else alert.subject
    if alert.value is None:
        return f"{what}: {alert.rule}"
    found = f"{what} is {with_unit(alert.value, alert.unit)}"
    if alert.threshold is not None:
        side = "above" if alert.value > alert.threshold else "below"
        found += f", {side} {with_unit(alert.threshold, alert.unit)}"
    return found + (f", in the slot of {alert.slot_start:%Y-%m-%d %H:%M} UTC" if alert.slot_start else "")


def with_unit(value: float, unit: str | None) -> str:
    """Write a number for people: powers in W, kW, MW or GW, others as they are."""
    if unit in {"W", "Wh"}:
        for step, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
            if abs(value) >= step:
                return f"{value / step:,.2f} {prefix}{unit}"
    return f"{value:,.6g} {unit or ''}".rstrip()


@dataclass(frozen=True, slots=True)
class Standing:
    """How a rule stands for one subject."""

    rule: str
    subject: str
    kind: str
    dataset: str
    is_raised: bool
    changed_at: datetime  # when it was raised, or recovered
    last_alert_id: str
    last_slot: datetime | None = None
    alerts: int = 0  # since it was raised
    told_at: datetime | None = None  # when people were last told that it is raised
    is_told: bool = False  # of this time that it is raised


def judge(
    standing: Standing | None, alert: Alert, now: datetime, cooldown: timedelta
) -> tuple[Standing, Delivery]:
    """Take one more alert into account, and say whether people have to be told.

    They are told of the first, and again once a cool-down as long as it goes on; of a recovery, if they were told of
    what it ends. What comes back within a cool-down is kept, and told when the cool-down is over (`overdue`).
    """
    if alert.state is Change.RECOVERED:
        return _recovered(standing, alert, now)
    before = standing or _fresh(alert, now)
    is_new = not before.is_raised
    raised = replace(
        before,
        is_raised=True,
        changed_at=now if is_new else before.changed_at,
        alerts=1 if is_new else before.alerts + 1,
        is_told=False if is_new else before.is_told,
        last_alert_id=alert.alert_id,
        last_slot=max(filter(None, (None if is_new else before.last_slot, alert.slot_start)), default=None),
    )
    if before.told_at and now - before.told_at < cooldown:
        return raised, Delivery.SUPPRESSED
    return replace(raised, told_at=now, is_told=True), Delivery.PENDING


def overdue(standing: Standing, now: datetime, cooldown: timedelta) -> bool:
    """Say whether something is raised that nobody was told of since, and the cool-down is over."""
    quiet = standing.told_at is None or now - standing.told_at >= cooldown
    return standing.is_raised and not standing.is_told and quiet


def _recovered(standing: Standing | None, alert: Alert, now: datetime) -> tuple[Standing, Delivery]:
    before = standing or _fresh(alert, now)
    after = replace(before, is_raised=False, changed_at=now, is_told=False, last_alert_id=alert.alert_id)
    return after, Delivery.PENDING if before.is_raised and before.is_told else Delivery.SUPPRESSED


def _fresh(alert: Alert, now: datetime) -> Standing:
    return Standing(alert.rule, alert.subject, alert.kind, alert.dataset, False, now, alert.alert_id)


def _typed(known: Mapping[str, Any]) -> dict[str, Any]:
    """Make values what an alert has them as; what is missing raises KeyError."""
    texts = {name: str(known[name]) for name in _LONGEST if name != "unit" or known.get("unit") is not None}
    numbers = {name: float(known[name]) for name in ("value", "threshold") if known.get(name) is not None}
    slot = known.get("slot_start")
    long = [name for name, text in texts.items() if len(text) > _LONGEST[name]]
    if long or not all(map(math.isfinite, numbers.values())):
        raise ValueError(f"{', '.join(long)} too long" if long else "a number that is none")
    return {
        **texts,
        **numbers,
        "severity": Urgency(known["severity"]),
        "state": Change(known["state"]),
        "raised_at": _instant(known["raised_at"]),
        "slot_start": _instant(slot) if slot else None,
    }


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"{text} has no UTC offset")
    return instant.astimezone(UTC)


def _plain(value: Any) -> Any:  # noqa: ANN401 - any field's value
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
