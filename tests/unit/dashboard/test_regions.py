"""The regions' outlines: those of the contracts, in their places, small, and drawn with their energies."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from courant.domain.contract import load_contracts
from dashboard import energy_charts

ROOT = Path(__file__).resolve().parents[3]
FILE = ROOT / "dashboard" / "regions.geojson"
OUTLINES = json.loads(FILE.read_text(encoding="utf-8"))
CAPITALS = {  # longitude and latitude
    "11": (2.35, 48.86), "24": (1.91, 47.90), "27": (5.04, 47.32), "28": (1.10, 49.44), "32": (3.06, 50.63),
    "44": (7.70, 48.55), "52": (-1.55, 47.22), "53": (-1.68, 48.11), "75": (-0.58, 44.84), "76": (1.44, 43.60),
    "84": (4.85, 45.76), "93": (5.50, 43.40),
}  # fmt: skip
Ring = list[tuple[float, float]]


def rings(code: str) -> list[Ring]:
    [found] = [one["geometry"]["coordinates"] for one in OUTLINES["features"] if one["id"] == code]
    return [ring for polygon in found for ring in polygon]


def is_inside(ring: Ring, x: float, y: float) -> bool:
    """Count the sides that a line to the right crosses."""
    sides = pairwise(ring)
    crossed = [
        x < (bx - ax) * (y - ay) / (by - ay) + ax for (ax, ay), (bx, by) in sides if (ay > y) != (by > y)
    ]
    return sum(crossed) % 2 == 1


@pytest.mark.parametrize("name", ["consumption_inf36", "consumption_sup36"])
def test_each_region_of_a_contract_has_an_outline(name: str) -> None:
    members = load_contracts(ROOT / "contracts")[name].dimension("region").members

    assert [one["id"] for one in OUTLINES["features"]] == sorted(code for code, _ in members)


@pytest.mark.parametrize("code", CAPITALS)
def test_each_capital_lies_in_its_own_region_alone(code: str) -> None:
    x, y = CAPITALS[code]

    assert [other for other in CAPITALS if any(is_inside(ring, x, y) for ring in rings(other))] == [code]


def test_outlines_are_closed_and_run_clockwise_as_d3_wants_them() -> None:
    for ring in (ring for code in CAPITALS for ring in rings(code)):
        assert ring[0] == ring[-1]
        assert sum(ax * by - bx * ay for (ax, ay), (bx, by) in pairwise(ring)) < 0


def test_the_file_is_small_enough_to_be_sent_with_every_map() -> None:
    assert FILE.stat().st_size < 60_000


def test_a_map_finds_a_regions_energy_by_its_code_and_leaves_the_others_empty() -> None:
    table = pd.DataFrame({"region_code": ["84"], "region": ["Auvergne-Rhône-Alpes"], "energy_gwh": [3.0]})

    [empty, coloured] = energy_charts.map_chart(table, OUTLINES).to_dict()["layer"]

    assert "color" not in empty.get("encoding", {})
    lookup, only_known = coloured["transform"]
    assert (lookup["lookup"], lookup["from"]["key"]) == ("id", "region_code")
    assert only_known == {"filter": "isValid(datum.energy_gwh)"}
    assert coloured["encoding"]["color"]["scale"] == {
        "scheme": "cividis"
    }  # told apart with any colour vision
