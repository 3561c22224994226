"""The rules of conf/alerts.toml: when somebody wants to be told, checked against the contracts."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from courant.domain.alert import Urgency
from courant.domain.contract_values import Contract, FieldType
from courant.errors import SettingsError

_NUMBERS = {FieldType.INTEGER, FieldType.DECIMAL}


class _Rule(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")
    severity: Urgency = Urgency.WARNING


class _Limits(_Rule):
    """Either limit, in the field's own unit; a value beyond it breaks the rule."""

    above: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _has_a_limit(self) -> _Limits:
        if self.above is None and self.below is None:
            raise ValueError("needs `above` or `below`")
        return self

    def limit_crossed_by(self, value: float) -> float | None:
        """Give the limit that a value lies beyond, None where it lies within."""
        if self.above is not None and value > self.above:
            return self.above
        return self.below if self.below is not None and value < self.below else None


class ThresholdRule(_Limits):
    """A reading beyond a limit; judged on the stream, within milliseconds."""

    kind: Literal["threshold"]
    dataset: str
    field: str
    where: Mapping[str, str] = {}  # fields of the key with the values that are meant


class ForecastRule(_Limits):
    """The next day's forecast beyond a limit, in W."""

    kind: Literal["forecast"]
    series: str


class IntervalRule(_Rule):
    """Half hours in a row, the newest ones, outside the interval of their forecast."""

    kind: Literal["interval"]
    series: str
    half_hours: int = Field(4, ge=1, le=48)


class SilenceRule(_Rule):
    """No record of a data set for so long."""

    kind: Literal["silence"]
    dataset: str
    minutes: float = Field(gt=0)


class LagRule(_Rule):
    """A sink of a data set further behind its topic than so many records."""

    kind: Literal["lag"]
    dataset: str
    records: int = Field(ge=1)


class ReconcileRule(_Rule):
    """The newest reconcile of a data set found differences."""

    kind: Literal["reconcile"]
    dataset: str


Rule = Annotated[
    ThresholdRule | ForecastRule | IntervalRule | SilenceRule | LagRule | ReconcileRule,
    Field(discriminator="kind"),
]


class AlertRules(BaseModel):
    """All rules, and how often people are told of the same."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cooldown_minutes: float = Field(30, ge=0)
    check_every_s: float = Field(10, gt=0)
    rule: tuple[Rule, ...] = ()

    @property
    def cooldown(self) -> timedelta:
        """How long people are not told of the same again."""
        return timedelta(minutes=self.cooldown_minutes)

    def thresholds(self, dataset: str) -> list[ThresholdRule]:
        """Give the rules for readings of a data set."""
        return [rule for rule in self.rule if isinstance(rule, ThresholdRule) and rule.dataset == dataset]

    @property
    def streamed(self) -> list[str]:
        """Name the data sets whose readings have rules."""
        return sorted({rule.dataset for rule in self.rule if isinstance(rule, ThresholdRule)})


def read_rules(path: Path, contracts: Iterable[Contract]) -> AlertRules:
    """Read a file of rules and hold it against the contracts.

    Raises
    ------
    SettingsError
        If it cannot be read, a rule is malformed, a name stands twice, or a data set or field does not exist.
    """
    try:
        rules = AlertRules.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False)]
        raise _unusable(path, faults) from error
    except (OSError, ValueError) as error:
        raise _unusable(path, [str(error)]) from error
    faults = _faults(rules, {contract.name: contract for contract in contracts})
    if faults:
        raise _unusable(path, faults)
    return rules


def subject_fields(contract: Contract) -> list[str]:
    """Name what makes a reading's subject: its natural key without the instant."""
    return [field.name for field in contract.key_fields if field is not contract.instant]


def _faults(rules: AlertRules, contracts: Mapping[str, Contract]) -> list[str]:
    twice = [name for name, count in Counter(rule.name for rule in rules.rule).items() if count > 1]
    faults = [f"the name {name} stands twice" for name in twice]
    for rule in rules.rule:
        dataset = getattr(rule, "dataset", None)
        if dataset is not None and dataset not in contracts:
            faults.append(f"{rule.name}: there is no data set {dataset}, only {', '.join(sorted(contracts))}")
        elif isinstance(rule, ThresholdRule):
            faults += _field_faults(rule, contracts[rule.dataset])
    return faults


def _field_faults(rule: ThresholdRule, contract: Contract) -> list[str]:
    numbers = [field.name for field in contract.fields if field.type in _NUMBERS]
    faults = []
    if rule.field not in numbers:
        faults.append(f"{rule.name}: {contract.name} has no number {rule.field}, only {', '.join(numbers)}")
    unknown = sorted(set(rule.where) - set(subject_fields(contract)))
    if unknown:
        known = ", ".join(subject_fields(contract)) or "nothing"
        faults.append(f"{rule.name}: {', '.join(unknown)} is not of the key of {contract.name} ({known})")
    return faults


def _unusable(path: Path, faults: list[str]) -> SettingsError:
    return SettingsError(f"The alerts' rules do not hold: {'; '.join(faults)}", remedy=f"mend {path}")
