"""The patterns find what a replay changes, and nothing else. They are read here by Python, in NiFi by Java."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from courant.domain.contract import Contract, load_contracts
from courant.domain.message import slot_instant
from courant.nifi.patterns import instant_pattern, null_pattern, required_pattern

BALANCE = load_contracts(Path(__file__).resolve().parents[3] / "contracts")["balance"]


def row(**values: str | None) -> str:
    """Write a row as NiFi does."""
    return json.dumps(values, separators=(",", ":"), ensure_ascii=False)


def read(text: str) -> re.Match[str] | None:
    return re.search(instant_pattern(BALANCE), row(pertes="1", horodate=text))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("2026-01-01T00:00:00Z", ("2026-01-01", "00:00:00", "Z")),
        ("2026-01-01T00:00:00+01:00", ("2026-01-01", "00:00:00", "+01:00")),
        ("2026-01-01 00:30:00-11:00", ("2026-01-01", "00:30:00", "-11:00")),
        (" 2026-01-01T00:30+0100 ", ("2026-01-01", "00:30", "+0100")),
        ("2026-01-01T00:30:59.123+02", ("2026-01-01", "00:30:59", "+02")),
        ("2024-02-29T23:59:59Z", ("2024-02-29", "23:59:59", "Z")),
        ("2000-02-29T00:00:00Z", ("2000-02-29", "00:00:00", "Z")),
    ],
)
def test_an_instant_is_found_with_its_parts(text: str, parts: tuple[str, str, str]) -> None:
    assert pl.DataFrame({"t": [text]}).select(slot_instant("t")).item() is not None

    found = read(text)

    assert found
    assert found.groups() == (text, *parts)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-01-01T00:00:00",
        "2026-01-01",
        "2026-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "01/01/2026 00:00",
        "hier",
    ],
)
def test_no_instant_is_left_as_it_is(text: str) -> None:
    assert pl.DataFrame({"t": [text]}).select(slot_instant("t")).item() is None

    assert read(text) is None


def test_each_day_of_two_centuries_is_a_day_and_no_other_is() -> None:
    days = {date(1900, 1, 1) + timedelta(n) for n in range(200 * 366)}
    written = {day.isoformat() for day in days}
    candidates = [
        f"{year}-{month:02}-{day:02}"
        for year in range(1900, 2100)
        for month in range(14)
        for day in range(33)
    ]

    found = {text for text in candidates if read(f"{text}T00:00:00Z")}

    assert found == written & set(candidates)


def test_a_value_that_looks_like_a_field_is_not_taken_for_one() -> None:
    sly = row(remarque='"horodate":"2026-01-01T00:00:00Z"', pertes="1")

    assert re.search(instant_pattern(BALANCE), sly) is None


def with_tokens(**tokens: tuple[str, ...]) -> Contract:
    fields = [replace(field, null_tokens=tokens.get(field.name, ())) for field in BALANCE.fields]
    return replace(BALANCE, fields=tuple(fields))


def emptied(contract: Contract, text: str) -> str:
    return re.sub(null_pattern(contract), r'"\1":null', text)


def test_null_tokens_are_emptied_in_their_own_fields_only() -> None:
    contract = with_tokens(pertes=("", "n.d.", "-"), production_totale=("s (secret)",))
    text = row(
        pertes="n.d.", production_totale="n.d.", soutirage_rte="-", injection_rte="s (secret)", x="nxd."
    )

    assert json.loads(emptied(contract, text)) == {
        "pertes": None,
        "production_totale": "n.d.",
        "soutirage_rte": "-",
        "injection_rte": "s (secret)",
        "x": "nxd.",
    }
    assert json.loads(emptied(contract, row(production_totale="s (secret)", pertes="nxd.", y="-"))) == {
        "production_totale": None,
        "pertes": "nxd.",
        "y": "-",
    }


def test_without_tokens_but_the_empty_one_nothing_is_emptied() -> None:
    text = row(pertes="", x="n.d.")

    assert emptied(with_tokens(pertes=("",)), text) == text


@pytest.mark.parametrize(
    ("header", "is_complete"),
    [
        (";horodate;consommation_totale;", True),
        (";x;consommation_totale;y;horodate;", True),
        (";horodate;consommation_totale_x;", False),
        (";horodate;", False),
    ],
)
def test_a_header_must_have_the_required_columns(header: str, is_complete: bool) -> None:
    assert bool(re.fullmatch(required_pattern(BALANCE), header)) is is_complete
