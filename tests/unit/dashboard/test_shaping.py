"""Rows and documents as tables: what is joined, added up, and left out."""

import json
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest
from ingesting import CONTRACTS

from dashboard import charts, energy_charts, messages, shaping
from dashboard.messages import of_message

BALANCE = CONTRACTS["balance"]
NINE = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
MIDNIGHT = datetime(2026, 1, 4, 23, 0, tzinfo=UTC)  # in Paris


def message(**values: object) -> bytes:
    return json.dumps({"horodate": "2026-01-05T10:00:00+01:00"} | values).encode()


def stored(hour: int, power_w: float) -> dict[str, object]:
    """Give a row as MySQL does: without a zone."""
    return {"slot_start_utc": MIDNIGHT.replace(day=5, hour=hour, tzinfo=None), "consommation_totale": power_w}


def test_a_message_is_read_as_the_view_would_have_it() -> None:
    row = of_message(message(consommation_totale=5, production_eolien="no number", more=1), BALANCE)

    assert row is not None
    assert (row["slot_start_utc"], row["consommation_totale"], row["production_eolien"]) == (NINE, 5.0, None)
    assert "more" not in row


@pytest.mark.parametrize(
    "value", [None, b"", b"no JSON", b"[]", b"{}", b'{"horodate": "2026-01-05T10:00:00"}']
)
def test_what_is_no_message_is_no_row(value: bytes | None) -> None:
    assert of_message(value, BALANCE) is None


def test_a_message_is_read_once_and_forgotten_when_it_is_given_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[bytes | None] = []
    monkeypatch.setattr(messages, "of_message", lambda value, _: read.append(value) or {"value": value})
    known = messages.Messages(BALANCE)

    known.rows([(1, b"a"), (2, b"b")])
    rows = known.rows([(2, b"b"), (3, b"c")])

    assert rows == [{"value": b"b"}, {"value": b"c"}]
    assert read == [b"a", b"b", b"c"]
    known.rows([(1, b"a")])
    assert read[3:] == [b"a"]


def test_what_is_no_message_is_looked_at_once_and_left_out() -> None:
    known = messages.Messages(BALANCE)

    assert [
        row["consommation_totale"] for row in known.rows([(1, b"none"), (2, message(consommation_totale=5))])
    ] == [5]


def test_what_arrived_goes_on_where_mysql_ends_and_corrects_what_it_had() -> None:
    arrived = [
        {"slot_start_utc": NINE.replace(hour=hour), "consommation_totale": power}
        for hour, power in ((9, 91.0), (10, 100.0), (10, 101.0))
    ]

    table = shaping.joined([stored(8, 80), stored(9, 90)], arrived, hours=24)

    assert table["slot_start_utc"].dt.hour.tolist() == [8, 9, 10]
    assert table["consommation_totale"].tolist() == [80, 91, 101]


def test_only_the_last_hours_are_shown_and_nothing_of_nothing() -> None:
    table = shaping.joined([stored(hour, hour) for hour in range(10)], [], hours=3)

    assert table["consommation_totale"].tolist() == [7, 8, 9]
    assert shaping.joined([], [], hours=3).empty


def test_the_nations_figures_are_the_newest_slots_and_unknown_where_that_does_not_say() -> None:
    row = {
        "slot_start_utc": NINE, "consommation_totale": 50e9, "injection_rte": 45e9, "soutirage_rte": 5e9,
        "production_photovoltaique": 5e9, "production_eolien": None,
    }  # fmt: skip

    found = shaping.national_figures(shaping.joined([], [row], hours=24))

    assert (found["power_w"], found["net_import_w"], found["solar"]) == (50e9, 40e9, 0.1)
    assert np.isnan([found["wind"], found["temperature_c"]]).all()
    assert np.isnan(list(shaping.national_figures(pd.DataFrame()).values())).all()


def curve(day: str, region: str, *slots: float | None) -> dict[str, object]:
    energy = sum(one for one in slots if one)
    return {"day": day, "region": region, "profile": "RES1", "slots": list(slots), "energy_wh": energy}


def test_curves_of_a_region_are_added_up_and_a_masked_half_hour_stays_unknown() -> None:
    documents = [
        curve("2026-01-05", "A", *[1e6] * 47, 2e6),
        curve("2026-01-05", "A", *[1e6] * 47, None),
        curve("2026-01-05", "B", None, *[3e6] * 47),
    ]

    table = shaping.curve_table(documents, by="region")

    assert table["region"].tolist() == ["A"] * 48 + ["B"] * 48
    assert table["power_mw"].tolist()[:48] == [4] * 48
    assert np.isnan(table["power_mw"].iloc[48])
    assert table["power_mw"].tolist()[49:] == [6] * 47
    assert [f"{one:%H:%M}" for one in table["slot"]][46:50] == [
        "23:00",
        "23:30",
        "00:00",
        "00:30",
    ]  # in Paris


def test_regions_are_ranked_by_their_energy() -> None:
    table = shaping.ranking(
        [curve("2026-01-05", "A", 1e9), curve("2026-01-06", "B", 3e9), curve("2026-01-06", "A", 1e9)],
        by=("region",),
    )

    assert table.to_dict("list") == {"region": ["B", "A"], "energy_gwh": [3, 2]}


def test_a_calendar_has_a_row_for_each_day_by_its_monday() -> None:
    table = shaping.calendar(
        [{"day": "2026-01-04", "energy_wh": 2e9}, {"day": "2026-01-05", "energy_wh": 1e9}]
    )

    assert table["week"].tolist() == ["2025-12-29", "2026-01-05"]
    assert table["weekday"].tolist() == [7, 1]


def test_totals_are_no_power_range() -> None:
    rows = [
        {
            "slot_start_utc": MIDNIGHT.replace(tzinfo=None),
            "power_range": name,
            "is_total": name == "Total",
            "power_w": 2e6,
        }
        for name in ("P1", "Total", "")
    ]

    assert shaping.range_table(rows)["power_range"].tolist() == ["P1", "not given"]


def forecast(half_hour: int) -> dict[str, object]:
    return {
        "slot_start_utc": MIDNIGHT.replace(minute=30 * half_hour, tzinfo=None),
        "paris_day": date(2026, 1, 5), "power_w": 50e9, "low_w": 48e9, "high_w": 53e9,
    }  # fmt: skip


def test_a_forecast_stands_beside_what_happened_as_far_as_it_is_known() -> None:
    table = shaping.forecast_table([forecast(0), forecast(1)], {date(2026, 1, 5): [49e9, None]})

    assert table["forecast_gw"].tolist() == [50, 50]
    assert table["actual_gw"].iloc[0] == 49
    assert np.isnan(table["actual_gw"].iloc[1])
    assert [f"{one:%H:%M}" for one in table["slot"]] == ["00:00", "00:30"]


def segment(number: int, *shape: float) -> dict[str, object]:
    return {
        "segment": number,
        "shape": list(shape),
        "days": 5,
        "series": [{"series": "consumption.11", "days": 5}],
    }


def test_segments_lie_apart_as_far_as_their_shapes_differ() -> None:
    found = [segment(1, 1.0, 1.0), segment(2, 1.0, 1.0), segment(3, 4.0, 5.0)]

    plane = shaping.principal_axes(found)

    assert plane["first"].iloc[0] == pytest.approx(plane["first"].iloc[1])
    assert abs(plane["first"].iloc[0] - plane["first"].iloc[2]) == pytest.approx(5)
    assert plane["second"].abs().max() < 1e-9
    assert shaping.segment_shapes(found)["hour"].tolist() == [0, 0.5] * 3
    assert shaping.segment_members(found)["days"].tolist() == [5, 5, 5]


EMPTY = [
    charts.supply_chart(shaping.supply(pd.DataFrame()), shaping.consumption(pd.DataFrame())),
    charts.curves_chart(shaping.curve_table([], by="region"), by="region"),
    charts.curves_chart(shaping.range_table([]), by="power_range"),
    energy_charts.ranking_chart(shaping.ranking([], by=("region",)), by="region"),
    energy_charts.map_chart(shaping.ranking([], by=("region_code", "region")), {"features": []}),
    energy_charts.calendar_chart(shaping.calendar([])),
    charts.forecast_chart(shaping.forecast_table([], {})),
    charts.shapes_chart(shaping.segment_shapes([])),
    charts.axes_chart(shaping.principal_axes([])),
]


@pytest.mark.parametrize("chart", EMPTY)
def test_nothing_is_drawn_as_an_empty_chart(chart: object) -> None:
    assert chart.to_dict()["$schema"]  # type: ignore[attr-defined]


def test_a_chart_has_a_colour_of_its_own_for_each_of_eight_that_all_can_tell_apart() -> None:
    documents = [curve("2026-01-05", name, *[1e6] * 48) for name in "ABCDEFGH"]

    found = charts.curves_chart(shaping.curve_table(documents, by="region"), by="region").to_dict()

    scale = found["encoding"]["color"]["scale"]
    assert scale["domain"] == list("ABCDEFGH")
    assert len(set(scale["range"])) == 8
    assert found["encoding"]["x"]["scale"]["type"] == "utc"


def test_what_happened_is_drawn_only_where_it_is_known() -> None:
    table = shaping.forecast_table([forecast(0), forecast(1)], {date(2026, 1, 5): [49e9, None]})

    found = charts.forecast_chart(table).to_dict()

    rows = [found["datasets"][layer["data"]["name"]] if "data" in layer else None for layer in found["layer"]]
    assert [len(one) for one in rows if one is not None][-1] == 1
