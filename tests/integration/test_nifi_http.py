"""The flow polls a server of the portal's shape: the same messages, and what is no table is a dead letter."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from ingesting import own_topic
from nifi_flow import Digits, fields_only, for_nifi, letters, messages, same_with_another_topic, with_topic
from nifi_server import NifiServer
from portal_server import Answer, Portal, refuses, sends, serving
from waiting import wait_until

from courant.domain.contract import load_contracts
from courant.generate import generate_file
from courant.nifi_deploy import deploy, stop
from courant.replay import replay
from courant.settings import PROJECT_ROOT, PortalSettings, Settings

WEATHER = (
    "\ufeffHorodate;Température réalisée lissée (°C);Température normale lissée (°C);Pseudo rayonnement (%);Année\n"
    "2026-01-01T00:00:00+01:00;3.20;4,1;;2026\n"
    "2026-01-01T00:30:00+01:00;3.1;4.1;12.5;2026\n"
)


@pytest.fixture
def portal() -> Iterator[Portal]:
    with serving() as portal:
        yield portal


@pytest.fixture
def settings(stack: Settings, nifi: NifiServer, portal: Portal, tmp_path: Path) -> Settings:
    polled = {"balance": "portal", "weather": f"{portal.url}/weather.csv"}
    settings = for_nifi(stack, nifi, tmp_path, polled=polled, poll_every_s=2, poll_rows=96)
    return settings.model_copy(update={"portal": PortalSettings(url=portal.url)})


def test_polled_rows_are_those_of_a_replay_each_time(
    settings: Settings, portal: Portal, tmp_path: Path
) -> None:
    contract = with_topic(settings, "balance")
    replayed = same_with_another_topic(settings, contract)
    file = tmp_path / "day.csv"
    generate_file(contract, file, start=date(2026, 1, 1), days=1, seed=7)
    portal.answers = [sends(file.read_text(encoding="utf-8"))]

    done = deploy(settings, contract, weeks=1)
    wait_until(lambda: len(portal.requests) >= 2)
    stop(settings, "balance")
    rows = 96 * len(portal.requests)
    deploy(settings.model_copy(update={"nifi": settings.nifi.model_copy(update={"polled": {}})}), contract)

    found = messages(settings, contract.topic, at_least=rows)
    first = fields_only(found, contract)[:96]
    replay(settings, replayed, file)
    assert len(found) == rows
    moved = [value["horodate"] for _, _, value in first]
    assert moved[:2] == ["2026-01-07T23:00:00+00:00", "2026-01-07T23:15:00+00:00"]
    expected = fields_only(messages(settings, replayed.topic), contract)
    assert [without(value) for _, _, value in first] == [without(value) for _, _, value in expected]
    asked = urlsplit(portal.requests[0])
    assert asked.path == "/api/explore/v2.1/catalog/datasets/bilan-electrique-demi-heure/exports/csv"
    assert parse_qs(asked.query)["limit"] == ["96"]
    assert parse_qs(asked.query)["order_by"] == ["horodate desc"]
    assert done.polled == portal.url + portal.requests[0]


def without(value: dict[str, object]) -> dict[str, object]:
    return {name: held for name, held in value.items() if name != "horodate"}


def test_weather_is_a_data_set_of_its_own_with_its_topic(settings: Settings, portal: Portal) -> None:
    weather = load_contracts(PROJECT_ROOT / "nifi")["weather"]
    contract = own_topic(weather, settings, "test.weather.polled")
    portal.answers = [sends(WEATHER)]

    deploy(settings, contract, weeks=0)
    found = messages(settings, contract.topic, at_least=2)
    stop(settings, "weather")

    assert [(key, fields) for _, key, fields in fields_only(found[:2], contract)] == [
        (
            "weather",
            {
                "horodate": "2025-12-31T23:00:00+00:00",
                "temperature_realisee_lissee_degc": Digits("3.20"),
                "temperature_normale_lissee_degc": Digits("4.1"),
                "pseudo_rayonnement": None,
            },
        ),
        (
            "weather",
            {
                "horodate": "2025-12-31T23:30:00+00:00",
                "temperature_realisee_lissee_degc": Digits("3.1"),
                "temperature_normale_lissee_degc": Digits("4.1"),
                "pseudo_rayonnement": Digits("12.5"),
            },
        ),
    ]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (refuses(404, "no such data set"), "HTTP 404"),
        (sends("<html>\n<p>We are being mended; come back; later</p>\n"), "a required column is missing"),
    ],
)
def test_an_answer_that_is_no_table_is_a_dead_letter_and_polling_goes_on(
    settings: Settings, portal: Portal, answer: Answer, reason: str
) -> None:
    contract = with_topic(settings, "balance")
    portal.answers = [answer]

    done = deploy(settings, contract, weeks=0)
    wait_until(lambda: len(letters(settings)) >= 2)
    stop(settings, "balance")

    assert {letter.reason[: len(reason)] for letter in letters(settings)} == {reason}
    assert {letter.source for letter in letters(settings)} == {done.polled}
