"""The contracts of the project say what Enedis publishes."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl
import pytest
from datacontract.data_contract import DataContract

from courant.domain.contract import Contract, FieldType, Severity, load_contracts

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = ROOT / "contracts"
REAL_DATA = Path(os.environ.get("COURANT_REAL_DATA") or ROOT.parent / "shared" / "data") / "enedis"
FILES = [*sorted(CONTRACTS.glob("*.odcs.yaml")), ROOT / "nifi" / "weather.odcs.yaml"]

INF36_LABELS = (
    "Horodate;Région;Code région;Profil;Plage de puissance souscrite;Nb points soutirage;"
    "Total énergie soutirée (Wh);Courbe Moyenne n°1 (Wh);Indice représentativité Courbe n°1 (%);"
    "Courbe Moyenne n°2 (Wh);Indice représentativité Courbe n°2 (%);Courbe Moyenne n°1 + n°2 (Wh);"
    "Indice représentativité Courbe n°1 + n°2 (%);Jour max du mois (0/1);Semaine max du mois (0/1)"
)
INF36_NAMES = (
    "horodate,region,code_region,profil,plage_de_puissance_souscrite,nb_points_soutirage,"
    "total_energie_soutiree_wh,courbe_moyenne_ndeg1_wh,indice_representativite_courbe_ndeg1,"
    "courbe_moyenne_ndeg2_wh,indice_representativite_courbe_ndeg2,courbe_moyenne_ndeg1_ndeg2_wh,"
    "indice_representativite_courbe_ndeg1_ndeg2,jour_max_du_mois_0_1,semaine_max_du_mois_0_1"
)


@pytest.fixture(scope="module")
def contracts() -> dict[str, Contract]:
    return load_contracts(CONTRACTS)


@pytest.fixture
def inf36(contracts: dict[str, Contract]) -> Contract:
    return contracts["consumption_inf36"]


@pytest.fixture
def sup36(contracts: dict[str, Contract]) -> Contract:
    return contracts["consumption_sup36"]


@pytest.fixture
def balance(contracts: dict[str, Contract]) -> Contract:
    return contracts["balance"]


@pytest.mark.parametrize("path", FILES, ids=[p.name for p in FILES])
def test_datacontract_lint_passes(path: Path) -> None:
    run = DataContract(data_contract_file=str(path)).lint()
    assert str(run.result.value) == "passed", run.checks


def test_the_three_data_sets_have_contracts(contracts: dict[str, Contract]) -> None:
    assert {c.name: (c.portal_id, c.topic, c.table, c.view, c.steps_minutes) for c in contracts.values()} == {
        "balance": ("bilan-electrique-demi-heure", "readings.balance", "balance", "v_balance", (15, 30)),
        "consumption_inf36": (
            "conso-inf36-region",
            "readings.consumption_inf36",
            "consumption",
            "v_consumption",
            (30,),
        ),
        "consumption_sup36": (
            "conso-sup36-region",
            "readings.consumption_sup36",
            "consumption",
            "v_consumption",
            (30,),
        ),
    }


def test_inf36_has_the_published_names_and_labels_in_order(inf36: Contract) -> None:
    assert [f.name for f in inf36.fields] == INF36_NAMES.split(",")
    assert [f.labels[0] for f in inf36.fields] == INF36_LABELS.split(";")


def test_sup36_has_the_sector_right_after_the_power_range(sup36: Contract) -> None:
    names, labels = INF36_NAMES.split(","), INF36_LABELS.split(";")
    assert [f.name for f in sup36.fields] == [*names[:5], "secteur_activite", *names[5:]]
    assert [f.labels[0] for f in sup36.fields] == [*labels[:5], "Secteur activité", *labels[5:]]


def test_every_instant_is_one_column(contracts: dict[str, Contract]) -> None:
    assert {(c.instant.name, c.instant.column, c.instant.sql_type) for c in contracts.values()} == {
        ("horodate", "slot_start_utc", "DATETIME")
    }


def test_the_message_key_is_the_natural_key_without_time(contracts: dict[str, Contract]) -> None:
    assert {name: c.message_key for name, c in contracts.items()} == {
        "balance": (),
        "consumption_inf36": ("code_region", "profil", "plage_de_puissance_souscrite"),
        "consumption_sup36": ("code_region", "profil", "plage_de_puissance_souscrite", "secteur_activite"),
    }
    for contract in contracts.values():
        assert tuple(f.name for f in contract.key_fields) == ("horodate", *contract.message_key)


def test_only_the_region_is_closed(inf36: Contract, sup36: Contract) -> None:
    for contract in (inf36, sup36):
        assert {d.table: d.is_closed for d in contract.dimensions} == {
            "region": True,
            "profile": False,
            "power_range": False,
            "sector": False,
            "segment": False,
        }


def test_the_regions_are_named_as_published(inf36: Contract, sup36: Contract) -> None:
    assert dict(inf36.dimension("region").members) == {
        "11": "Île-de-France",
        "24": "Centre-Val de Loire",
        "27": "Bourgogne-Franche-Comté",
        "28": "Normandie",
        "32": "Hauts-de-France",
        "44": "Grand-Est",
        "52": "Pays de la Loire",
        "53": "Bretagne",
        "75": "Nouvelle Aquitaine",
        "76": "Occitanie",
        "84": "Auvergne-Rhône-Alpes",
        "93": "Provence-Alpes-Côte d'Azur",
    }
    assert sup36.dimension("region") == inf36.dimension("region")


def test_the_dimensions_know_the_published_codes(inf36: Contract, sup36: Contract) -> None:
    profiles = [code for (code,) in inf36.dimension("profile").members]
    assert len(profiles) == 13
    assert "RES1 (+ RES1WE)" in profiles
    assert "RES1" not in profiles, "a plain RES1 never matches"
    assert ("P1 : ]0-12] kVA",) in inf36.dimension("power_range").members, "the space is published"
    assert sup36.dimension("sector").members == (
        ("S1: Agriculture",),
        ("S2: Industrie",),
        ("S3: Tertiaire",),
        ("S4: Non Affecté",),
    )


def test_a_segment_belongs_to_one_data_set(inf36: Contract, sup36: Contract) -> None:
    for contract in (inf36, sup36):
        segment = contract.dimension("segment")
        assert segment.parents == ("profile", "power_range", "sector")
        assert [(c.name, c.expression, c.is_natural_key) for c in segment.columns] == [
            ("dataset", f"'{contract.name}'", True)
        ]


def test_small_sites_have_the_empty_sector(inf36: Contract) -> None:
    (sector,) = inf36.dimension("sector").columns
    assert (sector.expression, sector.is_natural_key) == ("''", True)


def test_both_consumptions_have_the_same_measures(inf36: Contract, sup36: Contract) -> None:
    assert (
        [f.column for f in inf36.measures] == [f.column for f in sup36.measures] == INF36_NAMES.split(",")[5:]
    )


def test_the_balance_identities_are_warnings(balance: Contract) -> None:
    assert {r.name: r.severity for r in balance.rules} == {
        "total_consumption_is_not_negative": Severity.REJECT,
        "balance_identity_holds": Severity.WARN,
        "consumption_parts_add_up": Severity.WARN,
    }


def test_a_negative_energy_is_a_reject(inf36: Contract, sup36: Contract) -> None:
    for contract in (inf36, sup36):
        assert [r.name for r in contract.rules if r.severity is Severity.REJECT] == ["energy_is_not_negative"]


@pytest.mark.parametrize("year", [2021, 2022, 2023])
def test_a_real_year_of_the_balance_fits_its_contract(balance: Contract, year: int) -> None:
    path = REAL_DATA / f"bilan_electrique_{year}_halfhourly.csv"
    if not path.exists():
        pytest.skip(f"the real file is not beside the project: {path}")
    texts = pl.read_csv(path, separator=";", infer_schema=False)
    declared = [f for f in balance.fields if f.name != "consommation_hta"]
    assert texts.columns == [f.name for f in declared], "in published order"
    for field in declared:
        assert texts[field.name].str.contains(_shape(balance, field.name)).all(), field.name


def _shape(contract: Contract, name: str) -> str:
    field = contract.field(name)
    if field.type is FieldType.INSTANT:
        return r"^\d{4}-\d\d-\d\dT\d\d:[03]0:00\+00:00$"
    if field.type is FieldType.DECIMAL:
        return rf"^-?\d{{1,{field.precision - field.scale}}}(\.\d{{1,{field.scale}}})?$"
    return r"^-?\d{1,18}$"
