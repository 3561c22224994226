"""A published row becomes a message."""

import json
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from courant.domain.contract import Contract, load_contracts
from courant.domain.message import slot_instant, to_messages
from courant.settings import PROJECT_ROOT

NO_SHIFT = timedelta(0)
WEEK = timedelta(weeks=1)


@pytest.fixture(scope="module")
def contracts() -> dict[str, Contract]:
    return load_contracts(PROJECT_ROOT / "contracts")


def row(**values: str | None) -> pl.DataFrame:
    defaults: dict[str, str | None] = {
        "horodate": "2026-07-14T00:30:00+02:00",
        "code_region": "84",
        "profil": "RES1 (+ RES1WE)",
        "plage_de_puissance_souscrite": "P1: ]0-3] kVA",
        "total_energie_soutiree_wh": "1200",
    }
    return pl.DataFrame(
        {name: [value] for name, value in (defaults | values).items()},
        schema_overrides=dict.fromkeys(defaults | values, pl.String),
    )


def message(
    contract: Contract, rows: pl.DataFrame, shift: timedelta = NO_SHIFT
) -> tuple[str, dict[str, object]]:
    ((_, key, value),) = to_messages(rows, contract, shift=shift).rows()
    return key, json.loads(value)


def test_a_row_becomes_a_key_and_an_object_with_the_calendars_facts(contracts: dict[str, Contract]) -> None:
    key, value = message(contracts["consumption_inf36"], row())

    assert key == "84|RES1 (+ RES1WE)|P1: ]0-3] kVA"
    assert value == {
        "horodate": "2026-07-13T22:30:00+00:00",
        "code_region": "84",
        "profil": "RES1 (+ RES1WE)",
        "plage_de_puissance_souscrite": "P1: ]0-3] kVA",
        "total_energie_soutiree_wh": 1200,
        "published_slot": "2026-07-14T00:30:00+02:00",
        "paris_day": "2026-07-14",
        "slot_of_day": 1,
        "weekday": 2,
        "is_holiday": True,
        "season": "summer",
    }


def test_a_shift_moves_the_slot_and_keeps_the_published_one(contracts: dict[str, Contract]) -> None:
    _, value = message(contracts["consumption_inf36"], row(), shift=2 * WEEK)

    assert value["horodate"] == "2026-07-27T22:30:00+00:00"
    assert value["published_slot"] == "2026-07-14T00:30:00+02:00"
    assert (value["paris_day"], value["weekday"], value["slot_of_day"], value["is_holiday"]) == (
        "2026-07-28",
        2,
        1,
        False,
    )


def test_slots_stay_apart_when_a_shift_crosses_a_clock_change(contracts: dict[str, Contract]) -> None:
    """The 50 slots of 2026-10-25 moved a week on: none is lost and no two fall together."""
    start = datetime(2026, 10, 24, 22, 0, tzinfo=UTC)
    slots = [(start + i * timedelta(minutes=30)).isoformat() for i in range(50)]
    rows = pl.concat([row(horodate=slot) for slot in slots])

    moved = to_messages(rows, contracts["consumption_inf36"], shift=WEEK)["slot"].to_list()

    assert moved == [start + WEEK + i * timedelta(minutes=30) for i in range(50)]


def test_a_data_set_without_a_message_key_is_keyed_by_its_name(contracts: dict[str, Contract]) -> None:
    rows = pl.DataFrame({"horodate": ["2026-01-01T00:00:00Z"], "consommation_totale": ["1"]})

    assert message(contracts["balance"], rows)[0] == "balance"


def test_a_missing_part_of_the_key_is_the_empty_text(contracts: dict[str, Contract]) -> None:
    assert message(contracts["consumption_inf36"], row(profil=None))[0] == "84||P1: ]0-3] kVA"
    assert message(contracts["consumption_inf36"], row(profil=""))[0] == "84||P1: ]0-3] kVA"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12", 12),
        ("-3", -3),
        ("12,5", 12.5),
        ("12.50", 12.5),
        (" 7 ", 7),
        ("1e3", 1000.0),
        ("", None),
        (None, None),
        ("beaucoup", "beaucoup"),
        ("007", "007"),
        ("NaN", "NaN"),
        ('say "no"\\', 'say "no"\\'),
        ("1.234,5", "1.234,5"),
    ],
)
def test_a_number_is_a_number_where_it_is_one_else_the_text_itself(
    contracts: dict[str, Contract], text: str | None, expected: object
) -> None:
    _, value = message(contracts["consumption_inf36"], row(total_energie_soutiree_wh=text))

    assert value["total_energie_soutiree_wh"] == expected


def test_no_digit_of_a_number_is_lost(contracts: dict[str, Contract]) -> None:
    rows = row(total_energie_soutiree_wh="9" * 25, courbe_moyenne_ndeg1_wh="0.1234567890123456789")

    (value,) = to_messages(rows, contracts["consumption_inf36"], shift=NO_SHIFT)["value"]

    assert '"total_energie_soutiree_wh":' + "9" * 25 + "," in value
    assert '"courbe_moyenne_ndeg1_wh":0.1234567890123456789}' in value


def test_a_bad_number_leaves_its_neighbours_alone(contracts: dict[str, Contract]) -> None:
    rows = pl.concat([row(total_energie_soutiree_wh=text) for text in ("1", "x", "", "2,5")])

    values = to_messages(rows, contracts["consumption_inf36"], shift=NO_SHIFT)["value"]

    assert [json.loads(value)["total_energie_soutiree_wh"] for value in values] == [1, "x", None, 2.5]


@pytest.mark.parametrize("text", ["2026-01-01T00:00:00", "01/01/2026", "", None])
def test_a_timestamp_that_cannot_be_read_goes_out_unshifted(
    contracts: dict[str, Contract], text: str | None
) -> None:
    _, value = message(contracts["consumption_inf36"], row(horodate=text), shift=WEEK)

    assert value["horodate"] == text
    assert value["published_slot"] == text
    assert value["paris_day"] is None


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-01T01:30:00+01:00",
        "2026-01-01T00:30:00Z",
        "2026-01-01T00:30:00+00:00",
        "2026-01-01T02:30:00+0200",
        "2026-01-01 00:30:00+00:00",
        "2026-01-01T00:30:00.000Z",
        "2025-12-31T19:30-05:00",
    ],
)
def test_a_timestamp_may_have_any_offset(text: str) -> None:
    found = pl.DataFrame({"horodate": [text]}).select(slot_instant("horodate")).item()

    assert found == datetime(2026, 1, 1, 0, 30, tzinfo=UTC)


def test_accents_and_columns_that_nobody_declared_are_kept(contracts: dict[str, Contract]) -> None:
    _, value = message(
        contracts["consumption_inf36"], row(region="Nouvelle Aquitaine", secteur_activité="Non Affecté\n")
    )

    assert value["region"] == "Nouvelle Aquitaine"
    assert value["secteur_activité"] == "Non Affecté\n"
