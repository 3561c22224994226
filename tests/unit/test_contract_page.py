"""A contract can be read on a screen, to the last bracket."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from courant import cli
from courant.contract_page import contract_tables, contracts_table
from courant.domain.contract import find_contract, load_contracts

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"


def shown(page: RenderableType) -> str:
    screen = StringIO()
    Console(file=screen, width=400).print(page)
    return screen.getvalue()


def test_the_list_names_every_data_set_with_its_topic() -> None:
    text = shown(contracts_table(load_contracts(CONTRACTS).values()))
    for name in ("balance", "consumption_inf36", "consumption_sup36"):
        assert f"readings.{name}" in text


def test_the_page_shows_fields_rules_and_dimensions() -> None:
    text = shown(contract_tables(find_contract(CONTRACTS, "consumption_inf36")))
    assert "message key code_region|profil|plage_de_puissance_souscrite" in text
    assert "Total énergie soutirée (Wh)" in text
    assert "slot_start_utc DATETIME" in text
    assert "≤ 4294967295" in text
    assert "energy_is_not_negative" in text
    assert "broken: the record is a reject" in text
    assert "broken: the record is counted and kept" in text
    assert "region_code VARCHAR(2) (natural)" in text
    assert "P1: ]0-3] kVA" in text, "brackets are values, not markup"
    assert "[0-9]+|< 1|S" in text


def test_a_contract_without_dimensions_says_so() -> None:
    text = shown(contract_tables(find_contract(CONTRACTS, "balance")))
    assert "Dimensions: none" in text
    assert "message key balance" in text
    assert "15 min, 30 min" in text


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["courant", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def test_the_command_line_lists_and_shows(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert run(monkeypatch, "contract", "list") == 0
    assert "readings.consumption_sup36" in capsys.readouterr().out
    assert run(monkeypatch, "contract", "show", "balance") == 0
    assert "balance_identity_holds" in capsys.readouterr().out


def test_the_command_line_refuses_an_unknown_data_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "contract", "show", "nope") == 12
    assert "there are: balance, consumption_inf36, consumption_sup36" in capsys.readouterr().err
