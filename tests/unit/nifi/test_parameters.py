"""A contract and the settings become the flow's parameters."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest

from courant.domain.contract import load_contracts
from courant.nifi.flow import read_flow
from courant.nifi.parameters import column_names, flow_parameters, input_folder, key_path, pace
from courant.settings import Settings, load_settings

CONTRACTS = load_contracts(Path(__file__).resolve().parents[3] / "contracts")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = load_settings(home=tmp_path)
    kafka = settings.kafka.model_copy(update={"bootstrap_servers": "127.0.0.1:9092"})
    return settings.model_copy(update={"kafka": kafka})


@pytest.mark.parametrize("name", sorted(CONTRACTS))
def test_the_flow_is_told_all_that_it_asks_for(settings: Settings, name: str) -> None:
    given = flow_parameters(settings, CONTRACTS[name], weeks=-2, poll_url="http://127.0.0.1:1/")

    asked = {one["name"] for one in read_flow()["parameterContexts"]["source"]["parameters"]}
    assert set(given) == asked
    assert all(given.values())
    assert given["shift.weeks"] == "-2"
    assert given["topic"] == CONTRACTS[name].topic
    assert given["input.folder"] == str(input_folder(settings, CONTRACTS[name]))


@pytest.mark.parametrize(
    ("rate", "rows", "every"),
    [
        (0, 1000, "0 sec"),
        (0.5, 1, "2000 ms"),
        (48, 48, "1000 ms"),
        (1.5, 2, "1333 ms"),
        (5000, 1000, "200 ms"),
    ],
)
def test_a_rate_becomes_pieces_and_the_time_between_them(rate: float, rows: int, every: str) -> None:
    assert pace(rate) == (rows, every)


def test_a_column_is_known_by_name_and_label_however_its_accents_are_composed() -> None:
    lines = column_names(CONTRACTS["consumption_inf36"]).split("\n")

    assert "horodate -> horodate" in lines
    assert "code_region -> code_region" in lines
    assert "région -> region" in lines
    assert unicodedata.normalize("NFD", "région") + " -> region" in lines
    assert "courbe moyenne n°1 + n°2 (wh) -> courbe_moyenne_ndeg1_ndeg2_wh" in lines
    assert len(lines) == len(set(lines))


def test_the_key_is_its_fields_joined_by_a_bar_and_a_missing_one_is_empty() -> None:
    contract = CONTRACTS["consumption_inf36"]

    assert key_path(replace(contract, message_key=("code_region", "profil"))) == (
        "concat(coalesce(/code_region, ''), '|', coalesce(/profil, ''))"
    )
    assert key_path(CONTRACTS["balance"]) == "concat('balance')"


def test_a_broker_may_have_another_address_for_nifi(settings: Settings) -> None:
    inside = settings.nifi.model_copy(update={"kafka_bootstrap_servers": "kafka:9092"})
    inside_settings = settings.model_copy(update={"nifi": inside})

    addresses = [
        flow_parameters(one, CONTRACTS["balance"], weeks=0, poll_url="x")["kafka.bootstrap"]
        for one in (settings, inside_settings)
    ]

    assert addresses == ["127.0.0.1:9092", "kafka:9092"]
