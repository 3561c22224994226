"""The measures, calculated by an engine that is not Power BI's, on rows that the reader reads from the real server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from ingesting import CONTRACTS, ask, own_sinks
from pbix_mcp.dax.engine import evaluate_measure
from powerbi_projects import columns_read, mysql_item, query_of, relationships_of, table_nodes
from powerbi_rows import REGIONAL, statements

from courant.domain.calendar import PARIS, is_holiday, slots_of_day
from courant.powerbi.project import project_files
from courant.settings import Settings
from courant.stores.mysql.connection import session
from courant.stores.mysql.migrate import upgrade
from courant.stores.mysql.schema import create_tables

FILES = project_files(CONTRACTS)
DAYS = [date(2024, 10, 26) + timedelta(days=n) for n in range(5)]


@dataclass(frozen=True)
class Loaded:
    """The model with its rows, as the engine wants it."""

    tables: dict[str, dict[str, Any]]
    measures: dict[str, str]
    relationships: list[dict[str, Any]]

    def value(self, measure: str, **chosen: object) -> object:
        """Calculate a measure where one value of some columns is chosen, as a visual's cell would."""
        context = {_COLUMNS[name]: [value] for name, value in chosen.items()}
        return evaluate_measure(
            measure, self.tables, self.measures, context, relationships=self.relationships
        )


_COLUMNS = {
    "day": "Calendrier.Date", "day_type": "Calendrier.Type de jour", "hour": "Créneau.Heure", "region": "Région.Région",
    "profile": "Profil.Profil", "series": "Série.Série", "dataset": "Jeu de données.Jeu de données",
    "power_range": "Plage de puissance souscrite.Plage de puissance souscrite",
}  # fmt: skip


@pytest.fixture(scope="module")
def model(stack: Settings, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """Give the model, its tables read from a database of this test's own."""
    settings = own_sinks(stack, "powerbi_measures", tmp_path_factory.mktemp("powerbi_measures"))
    upgrade(settings)
    with session(settings, "owner") as connection:
        for contract in CONTRACTS.values():
            create_tables(connection, contract)
    for statement in statements():
        ask(settings, statement, account="owner")
    return load(settings)


def load(settings: Settings) -> Loaded:
    nodes = table_nodes(FILES)
    made = {
        "Calendrier": calendar_rows(),
        "Créneau": slot_rows(),
        "Jeu de données": [[name, ""] for name in CONTRACTS],
    }
    tables = {}
    for name, node in nodes.items():
        item, columns = mysql_item(node), columns_read(node)
        distinct = "DISTINCT " * ("Table.Distinct" in query_of(node))
        totals = " WHERE is_total = FALSE" * ("[is_total] = false" in query_of(node))
        names = ", ".join(f"`{source}`" for source in columns.values())
        rows = ask(settings, f"SELECT {distinct}{names} FROM `{item}`{totals}") if item else made[name]
        tables[name] = {"columns": list(columns), "rows": [[_plain(value) for value in row] for row in rows]}
    measures = {m.name: m.value or "" for node in nodes.values() for m in node.find("measure")}
    return Loaded(tables, measures, relationships_of(FILES))


def calendar_rows() -> list[list[object]]:
    kinds = {6: "samedi", 7: "dimanche ou férié"}
    return [
        [
            day,
            day.year,
            "",
            0,
            "",
            day.isoweekday(),
            is_holiday(day),
            kinds.get(day.isoweekday(), "jour ouvré"),
            "automne",
        ]
        for day in DAYS
    ]


def slot_rows() -> list[list[object]]:
    return [
        [
            slot.replace(tzinfo=None),
            slot.astimezone(PARIS).replace(tzinfo=None),
            day,
            slot.astimezone(PARIS).strftime("%H:%M"),
        ]
        for day in DAYS
        for slot in slots_of_day(day)
    ]


def _plain(value: object) -> object:
    return float(value) if isinstance(value, Decimal) else value


def test_the_balances_power_is_a_mean_of_half_hours_and_its_energy_their_sum(model: Loaded) -> None:
    assert model.value("Consommation totale (MW)") == pytest.approx((50 + 70 + 90) / 3)
    assert model.value("Consommation totale (MW)", day=date(2024, 10, 27)) == pytest.approx((50 + 70) / 2)
    assert model.value("Consommation totale (GWh)", day=date(2024, 10, 27)) == pytest.approx(
        (50 + 70) / 2 / 1000
    )
    assert model.value("Consommation totale, pointe (MW)") == pytest.approx(90)
    assert model.value("Consommation totale (MW)", day=date(2024, 10, 26)) is None


def test_the_hour_that_comes_twice_is_averaged(model: Loaded) -> None:
    assert model.value("Consommation totale (MW)", hour="02:00") == pytest.approx((50 + 70) / 2)
    assert model.value("Consommation totale (MW)", hour="01:00") == pytest.approx(90)
    assert model.value("Consommation totale (MW)", day_type="dimanche ou férié") == pytest.approx(60)
    assert model.value("Consommation totale (MW)", day_type="jour ouvré") == pytest.approx(90)


def test_completeness_counts_from_the_first_to_the_last_known_half_hour(model: Loaded) -> None:
    assert model.value("Complétude du bilan") == pytest.approx(3 / 49)  # 24 h and the half hour itself
    assert model.value("Complétude du bilan", day=date(2024, 10, 27)) == pytest.approx(
        2 / 46
    )  # of 50, from 02:00 on
    assert model.value("Complétude du bilan", day=date(2024, 10, 28)) == pytest.approx(1 / 3)
    assert model.value("Complétude du bilan", day=date(2024, 10, 29)) is None


def test_energy_of_regions_and_profiles_counts_a_total_or_its_parts(model: Loaded) -> None:
    energies = {
        (): 100 + 40 + 50 + 10,
        ("region", "Île-de-France"): 100 + 40 + 10,
        ("region", "Auvergne-Rhône-Alpes"): 50,
        ("profile", "PRO1"): 10,
        ("hour", "02:30"): 40,
    }
    for chosen, mwh in energies.items():
        context = {chosen[0]: chosen[1]} if chosen else {}
        assert model.value("Énergie soutirée (GWh)", **context) == pytest.approx(mwh / 1000), chosen


def test_power_of_consumption_is_energy_over_the_known_hours(model: Loaded) -> None:
    assert model.value("Puissance soutirée (MW)") == pytest.approx(200 / 1.0)
    assert model.value("Puissance soutirée (MW)", region="Auvergne-Rhône-Alpes") == pytest.approx(50 / 0.5)
    assert model.value("Puissance soutirée, pointe (MW)") == pytest.approx((100 + 50 + 10) / 0.5)


def test_sites_are_no_sum_over_time_and_secrets_are_a_share(model: Loaded) -> None:
    assert model.value("Points de soutirage (moyenne)") == pytest.approx(((9 + 2 + 4) + 4) / 2)
    assert model.value("Part non masquée") == pytest.approx(7 / 8)
    assert model.value("Part non masquée", hour="02:30") == pytest.approx(1 / 2)
    assert model.value("Part non masquée", day=date(2024, 10, 28)) is None


def test_segments_are_parts_alone(model: Loaded) -> None:
    name = "Total énergie soutirée des segments (GWh)"
    assert model.value(name) == pytest.approx((30 + 60 + 40 + 50 + 10) / 1000)
    assert model.value(name, power_range="P1: ]0-3] kVA") == pytest.approx((30 + 40 + 50 + 10) / 1000)
    assert model.value(name, power_range="P0: Total <= 36 kVA") is None


def test_a_forecast_is_shown_for_one_series_and_held_against_what_happened(model: Loaded) -> None:
    assert model.value("Prévision (MW)") is None
    assert model.value("Réalisé de la série (MW)") is None
    assert model.value("Prévision (MW)", series="balance", day=date(2024, 10, 29)) == pytest.approx(80)
    assert model.value("Prévision, borne basse (MW)", series=REGIONAL) == pytest.approx(190)
    assert model.value("Réalisé de la série (MW)", series="balance", hour="02:00") == pytest.approx(60)
    assert model.value("Réalisé de la série (MW)", series=REGIONAL, hour="02:30") == pytest.approx(40 / 0.5)
    assert model.value("Écart de prévision (MW)", series="balance") == pytest.approx(
        ((52 - 50) + (67 - 70)) / 2
    )
    assert model.value("Écart de prévision (MW)", series=REGIONAL) == pytest.approx(210 - 100 / 0.5)


def test_scores_are_means_of_days(model: Loaded) -> None:
    scores: Mapping[str, float] = {
        "MAPE des prévisions": (2 + 4) / 2 / 100,
        "MAE des prévisions (MW)": (1 + 3) / 2,
        "RMSE des prévisions (MW)": ((3**2 + 4**2) / 2) ** 0.5,
        "Part dans l'intervalle prévu": (0.75 + 0.85) / 2,
    }
    for name, expected in scores.items():
        assert model.value(name, series="balance") == pytest.approx(expected), name
    assert model.value("MAPE des prévisions", day=date(2024, 10, 27)) == pytest.approx(0.04)


def test_each_measure_can_be_calculated(model: Loaded) -> None:
    values = {name: model.value(name) for name in model.measures}
    assert len(values) == 100
    assert sum(value is not None for value in values.values()) >= 15
