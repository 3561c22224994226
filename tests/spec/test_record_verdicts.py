"""What becomes of a record, drawn record by record on the real contracts: accepted, with a warning, or rejected."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ingesting import ingest_properties
from pyspark.sql import SparkSession
from record_model import RECORDS

from courant.domain.contract import Contract, load_contracts
from courant.transforms.records import warning_names, with_typed_fields, with_verdict

CONTRACTS = load_contracts(Path(__file__).resolve().parents[2] / "contracts")
ARRIVED = datetime(2026, 1, 15, 13, 0, tzinfo=UTC)
ABSENT = object()

SMALL_SITES = {
    "horodate": "2026-01-15T12:30:00+00:00",
    "region": "Auvergne-Rhône-Alpes",
    "code_region": "84",
    "profil": "RES1 (+ RES1WE)",
    "plage_de_puissance_souscrite": "P2: ]3-6] kVA",
    "nb_points_soutirage": 1200,
    "total_energie_soutiree_wh": 336000,
    "courbe_moyenne_ndeg1_wh": 280.5,
    "indice_representativite_courbe_ndeg1": "92",
    "courbe_moyenne_ndeg2_wh": None,
    "indice_representativite_courbe_ndeg2": "S",
    "courbe_moyenne_ndeg1_ndeg2_wh": 280.5,
    "indice_representativite_courbe_ndeg1_ndeg2": "92",
    "jour_max_du_mois_0_1": 0,
    "semaine_max_du_mois_0_1": 1,
}
LARGE_SITES = SMALL_SITES | {
    "profil": "ENT1 (+ ENT2)",
    "plage_de_puissance_souscrite": "P6: > 2000 kVA",
    "secteur_activite": "S2: Industrie",
}
BALANCE = {  # 100 in, 10 out to RTE, 5 to others, 40 produced, 3 lost: 122 consumed
    "horodate": "2026-01-15T12:30:00+00:00",
    "injection_rte": 100,
    "soutirage_rte": 10,
    "soutirage_vers_autres_grd": 5,
    "pertes": 3,
    "consommation_totale": 122,
    "consommation_telerelevee_hta": 60,
    "consommation_telerelevee_btsup": 20,
    "consommation_telerelevee_professionnelle": 10,
    "consommation_telerelevee_residentielle": 10,
    "consommation_profilee_ent_hta": 10,
    "consommation_profilee_ent_bt": 5,
    "consommation_profilee_pro": 4,
    "consommation_profilee_res": 3,
    "production_totale": 40,
    "temperature_reelle_lissee": 3.25,
}
SOUND = {"consumption_inf36": SMALL_SITES, "consumption_sup36": LARGE_SITES, "balance": BALANCE}


class Verdict(NamedTuple):
    """The rules that a record breaks: those that reject it, or else those that warn."""

    broken_rules: frozenset[str]
    warnings: frozenset[str] = frozenset()


ACCEPTED = Verdict(frozenset())


def rejected(*rules: str) -> Verdict:
    return Verdict(frozenset(rules))


def warned(*rules: str) -> Verdict:
    return Verdict(frozenset(), frozenset(rules))


def text_of(record: dict[str, Any]) -> str:
    present = {name: value for name, value in record.items() if value is not ABSENT}
    return json.dumps(present, ensure_ascii=False)


SOUND_TEXT = text_of(SMALL_SITES)
SHORT_CURVE = {"courbe_moyenne_ndeg1_wh": None, "courbe_moyenne_ndeg1_ndeg2_wh": None}

# what it is | a whole value in bytes, or what differs from the sound record | its verdict
UNREADABLE = [
    ("a tombstone", None, rejected("tombstone")),
    ("an empty value", b"", rejected("empty")),
    ("only blanks", b"  \n", rejected("json")),
    ("JSON cut short", SOUND_TEXT[:-20].encode(), rejected("json")),
    ("JSON cut short behind a brace", b'{"horodate": {}', rejected("json")),
    ("a text before the object", b"x" + SOUND_TEXT.encode(), rejected("json")),
    ("a word behind the object", SOUND_TEXT.encode() + b" end", rejected("json")),
    ("a second object behind the object", 2 * SOUND_TEXT.encode(), rejected("json")),
    ("white space behind the object", SOUND_TEXT.encode() + b" \r\n", ACCEPTED),
    ("a list of objects", f"[{SOUND_TEXT}]".encode(), rejected("json")),
    ("a JSON text", b'"horodate"', rejected("json")),
    ("a JSON number", b"42", rejected("json")),
    ("JSON null", b"null", rejected("json")),
    ("an object in single quotes", b"{'horodate': '2026-01-15T12:30:00Z'}", rejected("json")),
    ("a CSV line", b"2026-01-15T12:30:00+00:00;84;RES1", rejected("json")),
    ("brackets 2,000 deep", b'{"a":' + b"[" * 2000 + b"]" * 2000 + b"}", rejected("json")),
    ("Latin-1 instead of UTF-8", SOUND_TEXT.encode("latin-1"), rejected("utf8")),
    ("a byte that is no text", b"\xff\xfe" + SOUND_TEXT.encode(), rejected("utf8")),
    ("an object without our fields", b"{}", rejected(
        "required:horodate", "required:code_region", "required:profil", "required:plage_de_puissance_souscrite")),
]  # fmt: skip

KEYS = [
    ("no timestamp", {"horodate": ABSENT}, rejected("required:horodate")),
    ("a null timestamp", {"horodate": None}, rejected("required:horodate")),
    ("an empty region code", {"code_region": ""}, rejected("required:code_region")),
    ("no profile", {"profil": ABSENT}, rejected("required:profil")),
    ("an empty power range", {"plage_de_puissance_souscrite": ""}, rejected("required:plage_de_puissance_souscrite")),
    ("no name of the region", {"region": ABSENT}, ACCEPTED),
    ("a region that no contract lists", {"code_region": "94"}, rejected("unknown_member:code_region")),
    ("a region code too long for its column", {"code_region": "840"}, rejected(
        "length:code_region", "unknown_member:code_region")),
    ("a region code as a number", {"code_region": 84}, ACCEPTED),
    ("a new profile", {"profil": "RES7"}, warned("unknown_member:profil")),
    ("a plain RES1, which is not RES1 (+ RES1WE)", {"profil": "RES1"}, warned("unknown_member:profil")),
    ("a new power range", {"plage_de_puissance_souscrite": "P10: ]36-40] kVA"}, warned(
        "unknown_member:plage_de_puissance_souscrite")),
    ("a profile as long as its column", {"profil": "é" * 64}, warned("unknown_member:profil")),
    ("a profile longer than its column", {"profil": "é" * 65}, rejected("length:profil")),
    ("a range written with a space before the colon", {"plage_de_puissance_souscrite": "P1 : ]0-12] kVA"}, ACCEPTED),
    ("half of a surrogate pair", {"profil": "\ud800"}, warned("unknown_member:profil")),
]  # fmt: skip

INSTANTS = [
    ("UTC as Z", {"horodate": "2026-01-15T12:30:00Z"}, ACCEPTED),
    ("Paris time with its offset", {"horodate": "2026-01-15T13:30:00+01:00"}, ACCEPTED),
    ("an offset without a colon", {"horodate": "2026-01-15T13:30:00+0100"}, ACCEPTED),
    ("a blank instead of the T", {"horodate": "2026-01-15 12:30:00+00:00"}, ACCEPTED),
    ("no offset", {"horodate": "2026-01-15T12:30:00"}, rejected("no_utc_offset:horodate")),
    ("a zone's name instead of an offset", {"horodate": "2026-01-15T12:30:00 Europe/Paris"}, rejected(
        "no_utc_offset:horodate")),
    ("a number", {"horodate": 1768480200}, rejected("no_utc_offset:horodate")),
    ("a day that is none", {"horodate": "2026-02-30T12:30:00+00:00"}, rejected("type:horodate")),
    ("a French date", {"horodate": "15/01/2026 12:30+00:00"}, rejected("type:horodate")),
    ("a time without a day", {"horodate": "12:30:00+00:00"}, rejected("type:horodate")),
    ("a year that MySQL cannot hold", {"horodate": "12026-01-15T12:30:00+00:00"}, rejected("type:horodate")),
    ("15 minutes, in half-hourly data", {"horodate": "2026-01-15T12:15:00+00:00"}, rejected("off_step:horodate")),
    ("7 minutes", {"horodate": "2026-01-15T12:07:00+00:00"}, rejected("off_step:horodate")),
    ("a second too late", {"horodate": "2026-01-15T12:30:01+00:00"}, rejected("off_step:horodate")),
    ("a microsecond too late", {"horodate": "2026-01-15T12:30:00.000001+00:00"}, rejected("off_step:horodate")),
    ("India's offset, half an hour off the hour", {"horodate": "2026-01-15T18:00:00+05:30"}, ACCEPTED),
    ("Nepal's offset, a quarter off the hour", {"horodate": "2026-01-15T18:15:00+05:45"}, ACCEPTED),
]  # fmt: skip

NUMBERS = [
    ("a number as text", {"nb_points_soutirage": "1200", "courbe_moyenne_ndeg1_wh": "280.5"}, ACCEPTED),
    ("12.0 as an integer", {"nb_points_soutirage": 12.0}, ACCEPTED),
    ("12.5 as an integer", {"nb_points_soutirage": 12.5}, rejected("type:nb_points_soutirage")),
    ("a decimal comma", {"courbe_moyenne_ndeg1_wh": "280,5"}, ACCEPTED),
    ("two decimal commas", {"courbe_moyenne_ndeg1_wh": "1,280,5"}, rejected("type:courbe_moyenne_ndeg1_wh")),
    ("a fourth digit behind the point", {"courbe_moyenne_ndeg1_wh": 280.12345}, ACCEPTED),
    ("a word", {"total_energie_soutiree_wh": "beaucoup"}, rejected("type:total_energie_soutiree_wh")),
    ("a truth", {"total_energie_soutiree_wh": True}, rejected("type:total_energie_soutiree_wh")),
    ("a list", {"total_energie_soutiree_wh": [1]}, rejected("type:total_energie_soutiree_wh")),
    ("not a number", {"total_energie_soutiree_wh": float("nan")}, rejected("type:total_energie_soutiree_wh")),
    ("infinity", {"courbe_moyenne_ndeg1_wh": float("inf")}, rejected("type:courbe_moyenne_ndeg1_wh")),
    ("the largest BIGINT", {"total_energie_soutiree_wh": 2**63 - 1}, ACCEPTED),
    ("a number beyond BIGINT", {"total_energie_soutiree_wh": 2**63}, rejected("type:total_energie_soutiree_wh")),
    ("a number of 5,000 digits", {"total_energie_soutiree_wh": "9" * 5000}, rejected(
        "type:total_energie_soutiree_wh")),
    ("a curve beyond DECIMAL(14,3)", {"courbe_moyenne_ndeg1_wh": 10**11}, rejected("type:courbe_moyenne_ndeg1_wh")),
    ("more sites than INT UNSIGNED holds", {"nb_points_soutirage": 2**32}, rejected("range:nb_points_soutirage")),
    ("fewer sites than none", {"nb_points_soutirage": -1}, rejected("range:nb_points_soutirage")),
    ("a day that is twice the peak day", {"jour_max_du_mois_0_1": 2}, rejected("range:jour_max_du_mois_0_1")),
    ("negative energy", {"total_energie_soutiree_wh": -1}, rejected("energy_is_not_negative")),
    ("a negative curve", {"courbe_moyenne_ndeg2_wh": "-0,001", "indice_representativite_courbe_ndeg2": "1"}, rejected(
        "energy_is_not_negative")),
    ("no number of sites", {"nb_points_soutirage": None}, ACCEPTED),
]  # fmt: skip

MASKS = [
    ("an index below one", {"indice_representativite_courbe_ndeg1": "< 1"}, ACCEPTED),
    ("an index without its blank", {"indice_representativite_courbe_ndeg1": "<1"}, rejected(
        "pattern:indice_representativite_courbe_ndeg1")),
    ("an index in lower case", {"indice_representativite_courbe_ndeg2": "s"}, rejected(
        "pattern:indice_representativite_courbe_ndeg2")),
    ("an empty index", {"indice_representativite_courbe_ndeg2": ""}, ACCEPTED),
    ("all curves and the total masked", SHORT_CURVE | {"total_energie_soutiree_wh": None}, ACCEPTED),
    ("a total beside masked curves", SHORT_CURVE, ACCEPTED),
    ("a masked total beside a curve", {"total_energie_soutiree_wh": None}, warned(
        "total_is_masked_only_when_every_curve_is")),
    ("a secret curve with a value", {"courbe_moyenne_ndeg2_wh": 250}, warned("secret_curve_is_masked")),
    ("a site that draws 36 kW for half an hour", {"courbe_moyenne_ndeg1_wh": 18000}, ACCEPTED),
    ("a site that draws more than it can", {"courbe_moyenne_ndeg1_wh": 18000.001}, warned(
        "mean_curve_is_plausible")),
    ("a total range", {"plage_de_puissance_souscrite": "P0: Total <= 36 kVA"}, ACCEPTED),
]  # fmt: skip

SHAPES = [
    ("the record as published", {}, ACCEPTED),
    ("a field that nobody declared", {"couleur_tempo": "rouge", "": None}, ACCEPTED),
    ("an undeclared field of 2 MB", {"remarque": "x" * 2_000_000}, ACCEPTED),
    ("tab, line feed and backslash in a name", {"region": "Auvergne\t\n\\N"}, ACCEPTED),
    ("Nouvelle Aquitaine, without a hyphen", {"code_region": "75", "region": "Nouvelle Aquitaine"}, ACCEPTED),
    ("several faults at once", {"horodate": "2026-01-15T12:07:00", "code_region": "99", "nb_points_soutirage": "x",
      "total_energie_soutiree_wh": -5}, rejected("no_utc_offset:horodate", "type:nb_points_soutirage",
      "unknown_member:code_region", "energy_is_not_negative")),
]  # fmt: skip

LARGE = [
    ("the record as published", {}, ACCEPTED),
    ("no sector", {"secteur_activite": ""}, rejected("required:secteur_activite")),
    ("a new sector", {"secteur_activite": "S5: Numérique"}, warned("unknown_member:secteur_activite")),
    ("an accent in the sector", {"secteur_activite": "S4: Non Affecté"}, ACCEPTED),
    ("a curve that only a large site has", {"courbe_moyenne_ndeg1_wh": 900_000}, ACCEPTED),
]

NATIONAL = [
    ("the record as published", {}, ACCEPTED),
    ("a quarter of an hour", {"horodate": "2026-01-15T12:15:00+00:00"}, ACCEPTED),
    ("ten minutes", {"horodate": "2026-01-15T12:10:00+00:00"}, rejected("off_step:horodate")),
    ("no total", {"consommation_totale": None}, rejected("required:consommation_totale")),
    ("negative consumption", {"consommation_totale": -1}, rejected("total_consumption_is_not_negative")),
    ("other plants that draw power", {"production_autre": -700}, ACCEPTED),
    ("a temperature with a comma", {"temperature_reelle_lissee": "-3,25"}, ACCEPTED),
    ("a temperature beyond DECIMAL(5,2)", {"temperature_reelle_lissee": 1000}, rejected(
        "type:temperature_reelle_lissee")),
    ("1 W of rounding", {"pertes": 4}, ACCEPTED),
    ("2 W lost on the way", {"pertes": 5}, warned("balance_identity_holds")),
    ("parts that do not add up", {"consommation_profilee_res": 6}, warned("consumption_parts_add_up")),
    ("a sum beyond BIGINT", {"injection_rte": 2**63 - 1, "production_totale": 2**63 - 1}, warned(
        "balance_identity_holds")),
    ("an export without its parts", {"consommation_profilee_res": ABSENT, "injection_rte": ABSENT}, ACCEPTED),
]  # fmt: skip

TABLES = {
    "consumption_inf36": [*UNREADABLE, *KEYS, *INSTANTS, *NUMBERS, *MASKS, *SHAPES],
    "consumption_sup36": LARGE,
    "balance": NATIONAL,
}
CASES = [(dataset, *row) for dataset, rows in TABLES.items() for row in rows]


def value_of(dataset: str, given: bytes | dict[str, Any] | None) -> bytes | None:
    if not isinstance(given, dict):
        return given
    record = SOUND[dataset] | given
    is_plain = "\ud800" not in str(given.get("profil"))
    return text_of(record).encode() if is_plain else json.dumps(record).encode()


@pytest.fixture(scope="module", params=["spark-defaults.conf", "spark-ingest.conf"])
def verdicts(spark: SparkSession, request: pytest.FixtureRequest) -> dict[tuple[str, str], Verdict]:
    """Judge all drawn records as batch jobs do and as the ingest does: one Spark job per contract."""
    is_ingest = request.param == "spark-ingest.conf"
    if is_ingest:
        spark = spark.newSession()
        for key, value in ingest_properties().items():
            spark.conf.set(key, value)
    found = {}
    for dataset, rows in TABLES.items():
        titles = [title for title, _, _ in rows]
        judged = judge(
            spark, CONTRACTS[dataset], [value_of(dataset, given) for _, given, _ in rows], not is_ingest
        )
        found |= {(dataset, title): verdict for title, verdict in zip(titles, judged, strict=True)}
    return found


def judge(
    spark: SparkSession,
    contract: Contract,
    values: Iterable[bytes | None],
    compiles_names: bool,
) -> list[Verdict]:
    rows = [(0, offset, ARRIVED, None, value) for offset, value in enumerate(values)]
    judged = (
        spark.createDataFrame(rows, RECORDS)
        .coalesce(1)
        .transform(with_typed_fields(contract))
        .transform(with_verdict(contract, compiles_names=compiles_names))
        .select("_offset", "_broken_rules", "_warnings")
    )
    names = warning_names(contract)
    return [verdict_of(row["_broken_rules"], row["_warnings"], names) for row in sorted(judged.collect())]


def verdict_of(broken: str | None, bits: int, names: tuple[str, ...]) -> Verdict:
    if broken is not None:
        return rejected(*broken.split(","))
    return warned(*[name for place, name in enumerate(names) if bits >> place & 1])


@pytest.mark.parametrize(
    ("dataset", "title", "expected"),
    [(dataset, title, expected) for dataset, title, _, expected in CASES],
    ids=[f"{dataset}: {title}" for dataset, title, *_ in CASES],
)
def test_each_drawn_record_gets_its_verdict(
    verdicts: dict[tuple[str, str], Verdict], dataset: str, title: str, expected: Verdict
) -> None:
    assert verdicts[dataset, title] == expected


def test_a_record_cut_short_anywhere_is_rejected_as_no_object(spark: SparkSession) -> None:
    whole, contract = SOUND_TEXT.encode(), CONTRACTS["consumption_inf36"]
    cut = [(0, size, ARRIVED, None, whole[:size]) for size in range(1, len(whole))]

    judged = spark.createDataFrame(cut, RECORDS).transform(with_typed_fields(contract))
    rows = judged.transform(with_verdict(contract)).groupBy("_broken_rules").count().collect()

    counts = {row["_broken_rules"]: row["count"] for row in rows}
    within_a_character = sum(byte & 0xC0 == 0x80 for byte in whole)
    assert counts == {"json": len(cut) - within_a_character, "utf8": within_a_character}


def test_a_reject_names_its_rules_in_published_order(spark: SparkSession) -> None:
    broken = {"nb_points_soutirage": -1, "horodate": "2026-01-15T12:30:00", "total_energie_soutiree_wh": -1}
    value = value_of("consumption_inf36", broken)

    record = spark.createDataFrame([(0, 0, ARRIVED, None, value)], RECORDS)
    contract = CONTRACTS["consumption_inf36"]
    judged = record.transform(with_typed_fields(contract)).transform(with_verdict(contract)).first()

    assert judged is not None
    assert (
        judged["_broken_rules"] == "no_utc_offset:horodate,range:nb_points_soutirage,energy_is_not_negative"
    )
