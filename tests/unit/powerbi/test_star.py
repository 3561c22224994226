"""The star that contracts make: its ties, its names, and that nothing is counted twice."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from powerbi_projects import CONTRACTS, river_contract

from courant.powerbi.star import build_model
from courant.powerbi.values import Model, Table

MODEL = build_model(CONTRACTS)


def test_the_tables_are_those_of_the_contracts_and_forecasts() -> None:
    assert {table.name: table.mysql for table in MODEL.tables} == {
        "Bilan": "v_balance_half_hour",
        "Consommation": "v_consumption_half_hour",
        "Consommation par segment": "v_consumption",
        "Prévision": "forecast",
        "Qualité des prévisions": "forecast_score",
        "Calendrier": None,
        "Créneau": None,
        "Région": "region",
        "Profil": "profile",
        "Plage de puissance souscrite": "power_range",
        "Secteur activité": "sector",
        "Jeu de données": None,
        "Série": "forecast",
    }


def test_every_relationship_ends_at_columns_and_at_a_key() -> None:
    assert len(MODEL.relationships) == 17
    for tie in MODEL.relationships:
        assert tie.from_column in {column.name for column in MODEL.table(tie.from_table).columns}
        (key,) = [column for column in MODEL.table(tie.to_table).columns if column.is_key]
        assert tie.to_column == key.name
        assert (
            MODEL.table(tie.from_table).column(_source(MODEL, tie.from_table, tie.from_column)).kind
            is key.kind
        )


def test_a_filter_has_one_way_to_each_fact() -> None:
    """Power BI refuses a model in which two chains of active relationships tie the same two tables."""
    ways = Counter(way for table in MODEL.tables for way in _ways(MODEL, table.name))
    assert max(ways.values()) == 1
    assert ("Bilan", "Calendrier") in ways
    assert ("Consommation par segment", "Plage de puissance souscrite") in ways


def test_names_are_unique_as_power_bi_wants_them() -> None:
    measures = [measure.name.casefold() for table in MODEL.tables for measure in table.measures]
    assert len(measures) == len(set(measures)) > 50
    for table in MODEL.tables:
        columns = [column.name.casefold() for column in table.columns]
        assert len(columns) == len(set(columns)), table.name
        assert not set(columns) & set(measures), table.name


@pytest.mark.parametrize("name", ["Consommation par segment", "Plage de puissance souscrite"])
def test_totals_of_other_power_ranges_are_not_imported(name: str) -> None:
    table = MODEL.table(name)
    assert re.search(r"Table\.SelectRows\(Everything, each .*\[is_total\] = false\)", table.m)
    assert not table.has("is_total")


def test_consumption_is_added_up_from_one_column_in_which_totals_and_parts_are_one() -> None:
    consumption, segments = MODEL.table("Consommation"), MODEL.table("Consommation par segment")
    energies = [c.source for c in consumption.columns if c.source.endswith("_wh")]
    assert energies == ["energy_wh"]
    summed = {
        m.name: re.findall(r"SUM\(('.*?'\[.*?\])\)", m.dax)
        for m in (*consumption.measures, *segments.measures)
    }
    assert summed["Énergie soutirée (GWh)"] == ["'Consommation'[Énergie soutirée (Wh)]"]
    assert [
        name for name, columns in summed.items() if any("par segment" in column for column in columns)
    ] == ["Total énergie soutirée des segments (GWh)"]


def test_no_measure_reads_two_facts_unless_it_compares_a_forecast() -> None:
    facts = {"Bilan", "Consommation", "Consommation par segment", "Prévision", "Qualité des prévisions"}
    for table in MODEL.tables:
        for measure in table.measures:
            assert set(re.findall(r"'([^']+)'\[", measure.dax)) & facts <= {table.name}, measure.name


def test_words_are_the_contracts() -> None:
    column = MODEL.table("Bilan").column("pertes")
    assert (column.name, column.description) == (
        "Pertes (W)", "Losses of the grid, modelled. Unit: W. Column pertes.",
    )  # fmt: skip
    assert MODEL.table("Secteur activité").column("secteur_activite").name == "Secteur activité"
    assert MODEL.table("Région").column("region").name == "Région"


def test_a_new_contract_gives_a_table_tied_to_the_slots(tmp_path: Path) -> None:
    model = build_model(CONTRACTS | {"river": river_contract(tmp_path)})

    river = model.table("river")
    assert river.mysql == "v_river"
    assert {c.source: c.name for c in river.columns} == {
        "slot_start_utc": "Début (UTC)", "station": "station", "level_cm": "Niveau (cm)",
    }  # fmt: skip
    assert [(m.name, m.dax) for m in river.measures] == [
        ("Niveau, moyenne (cm) – river", "AVERAGE('river'[Niveau (cm)])")
    ]
    assert [(r.to_table, r.to_column) for r in model.relationships if r.from_table == "river"] == [
        ("Créneau", "Début (UTC)")
    ]
    assert '{"river", "Water levels, hour by hour."}' in model.table("Jeu de données").m


def test_slots_are_as_fine_as_the_finest_data_set_needs(tmp_path: Path) -> None:
    river = replace(river_contract(tmp_path), steps_minutes=(10, 60))

    assert "Step = #duration(0, 0, 30, 0)" in MODEL.table("Créneau").m
    finer = build_model(CONTRACTS | {"river": river})
    assert "Step = #duration(0, 0, 10, 0)" in finer.table("Créneau").m
    completeness = finer.table("Bilan").measures[-1]
    assert "COUNTROWS('Créneau') * 10 / 30" in completeness.dax


def test_a_model_of_one_foreign_data_set_has_no_measure_of_what_is_not_there(tmp_path: Path) -> None:
    model = build_model({"river": river_contract(tmp_path)})

    assert not model.has("Bilan")
    assert not model.has("Consommation")
    assert [m.name for m in model.table("Prévision").measures] == [
        "Prévision (MW)", "Prévision, borne basse (MW)", "Prévision, borne haute (MW)",
    ]  # fmt: skip


def _source(model: Model, table: str, name: str) -> str:
    return next(c.source for c in model.table(table).columns if c.name == name)


def _ways(model: Model, start: str) -> list[tuple[str, str]]:
    """List where chains of relationships lead from a table, once for each chain."""
    steps = [tie.to_table for tie in model.relationships if tie.from_table == start]
    return [(start, end) for end in steps] + [(start, end) for step in steps for _, end in _ways(model, step)]


def _hidden(table: Table) -> set[str]:
    return {c.source for c in table.columns if c.is_hidden}


def test_keys_and_numbers_are_hidden_because_dimensions_and_measures_show_them() -> None:
    assert _hidden(MODEL.table("Consommation")) == {
        "slot_start_utc", "series", "dataset", "region_code", "profil", "energy_wh", "sites", "segments", "masked",
    }  # fmt: skip
    assert _hidden(MODEL.table("Région")) == {"region_code"}
