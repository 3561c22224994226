"""The rules' file against the contracts."""

from __future__ import annotations

from pathlib import Path

import pytest

from courant.domain.alert_rules import ThresholdRule, read_rules
from courant.domain.contract import load_contracts
from courant.errors import SettingsError

ROOT = Path(__file__).resolve().parents[3]
CONTRACTS = load_contracts(ROOT / "contracts")


def rules_of(folder: Path, text: str) -> Path:
    path = folder / "alerts.toml"
    path.write_text(text, encoding="utf-8")
    return path


def threshold(**values: object) -> str:
    named = {"name": "high", "kind": "threshold", "dataset": "balance", "field": "consommation_totale"}
    lines = (named | {"above": 1} | values).items()
    return "[[rule]]\n" + "\n".join(
        f"{name} = {value!r}" if not isinstance(value, dict) else f"{name} = {{code_regio = '11'}}"
        for name, value in lines
    )


def test_the_rules_of_the_project_hold() -> None:
    rules = read_rules(ROOT / "conf" / "alerts.toml", CONTRACTS.values())

    assert rules.streamed == ["balance"]
    assert {rule.kind for rule in rules.rule} == {
        "threshold", "forecast", "interval", "silence", "lag", "reconcile",
    }  # fmt: skip


def test_an_empty_file_has_no_rules(tmp_path: Path) -> None:
    assert read_rules(rules_of(tmp_path, ""), CONTRACTS.values()).rule == ()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[[rule]]\nname = 'x'", "kind"),
        ("not toml", "alerts"),
        (threshold(kind="loud"), "loud"),
        (threshold(dataset="tides"), "there is no data set tides, only balance"),
        (threshold(field="wind"), "has no number wind, only injection_rte"),
        (threshold(field="horodate"), "has no number horodate"),
        (threshold(where={"code_regio": "11"}), "code_regio is not of the key of balance"),
        (threshold(severity="loud"), "severity"),
        (threshold(more=1), "more"),
        (threshold() + "\n" + threshold(), "the name high stands twice"),
        (threshold().replace("above = 1", ""), "needs `above` or `below`"),
    ],
)
def test_a_fault_is_one_error_that_names_it_and_the_file(tmp_path: Path, text: str, fault: str) -> None:
    path = rules_of(tmp_path, text)

    with pytest.raises(SettingsError, match=fault) as error:
        read_rules(path, CONTRACTS.values())
    assert str(path) in error.value.remedy


def test_a_missing_file_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        read_rules(tmp_path / "none.toml", CONTRACTS.values())


@pytest.mark.parametrize(
    ("value", "limit"), [(10.1, 10.0), (10.0, None), (5.0, None), (2.0, None), (1.9, 2.0)]
)
def test_a_value_on_the_limit_keeps_it(value: float, limit: float | None) -> None:
    rule = ThresholdRule(
        name="band", kind="threshold", dataset="balance", field="pertes", above=10.0, below=2.0
    )

    assert rule.limit_crossed_by(value) == limit
