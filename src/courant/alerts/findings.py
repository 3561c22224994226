"""What a check of a rule found, and which alerts follow from it: pure values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from courant.domain.alert import Alert, Change, Standing, Urgency

Key = tuple[str, str]  # a rule and a subject


@dataclass(frozen=True, slots=True)
class Finding:
    """How one rule stands for one subject at one moment."""

    rule: str
    kind: str
    severity: Urgency
    dataset: str
    subject: str
    is_broken: bool
    value: float | None = None
    threshold: float | None = None
    unit: str | None = None
    slot_start: datetime | None = None  # UTC
    text: str = ""


def news(findings: Iterable[Finding], standings: Mapping[Key, Standing], now: datetime) -> list[Alert]:
    """Give the alerts for what changed: newly broken, broken for another day, or well again."""
    changed = ((one, standings.get((one.rule, one.subject))) for one in findings)
    return [_alert(one, standing, now) for one, standing in changed if _is_news(one, standing)]


def _is_news(finding: Finding, standing: Standing | None) -> bool:
    if standing is None or not standing.is_raised:
        return finding.is_broken
    return not finding.is_broken or _is_of_a_later_day(finding.slot_start, standing.last_slot)


def _is_of_a_later_day(slot: datetime | None, before: datetime | None) -> bool:
    return slot is not None and before is not None and slot.date() > before.date()


def _alert(finding: Finding, standing: Standing | None, now: datetime) -> Alert:
    state = Change.RAISED if finding.is_broken else Change.RECOVERED
    return Alert(
        alert_id=_alert_id(finding, standing, state),
        rule=finding.rule,
        kind=finding.kind,
        dataset=finding.dataset,
        subject=finding.subject,
        severity=finding.severity,
        state=state,
        raised_at=now.astimezone(UTC),
        value=finding.value,
        threshold=finding.threshold,
        unit=finding.unit,
        slot_start=finding.slot_start,
        text=finding.text,
    )


def _alert_id(finding: Finding, standing: Standing | None, state: Change) -> str:
    """Name the change, not the moment: sent twice because the watcher was killed between, it is kept once."""
    since = standing.changed_at.isoformat() if standing else "never"
    day = finding.slot_start.date().isoformat() if finding.slot_start and finding.is_broken else ""
    text = "|".join((finding.subject, state, since, day))
    return f"{finding.rule}:{sha256(text.encode()).hexdigest()[:24]}"
