"""The lines that MySQL loads, written out."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import Row, SparkSession
from record_model import RECORDS

from courant.domain.calendar import slots_of_day
from courant.domain.contract import Contract, load_contracts
from courant.transforms import load_lines
from courant.transforms.load_lines import fact_columns, to_load_lines

CONTRACTS = load_contracts(Path(__file__).resolve().parents[2] / "contracts")
CONSUMPTION, BALANCE = CONTRACTS["consumption_inf36"], CONTRACTS["balance"]
ARRIVED = datetime(2026, 1, 15, 13, 0, 0, 250_000, tzinfo=UTC)
RECORD = {
    "horodate": "2026-01-15T13:30:00+01:00",
    "code_region": "84",
    "profil": "RES1 (+ RES1WE)",
    "plage_de_puissance_souscrite": "P2: ]3-6] kVA",
    "nb_points_soutirage": 12.0,
    "total_energie_soutiree_wh": 336000,
    "courbe_moyenne_ndeg1_wh": "280,5",
    "indice_representativite_courbe_ndeg1": "< 1",
    "indice_representativite_courbe_ndeg2": "S",
    "jour_max_du_mois_0_1": 0,
    "semaine_max_du_mois_0_1": 1,
}


def lines(
    spark: SparkSession, contract: Contract, values: list[bytes | None], *, key: bytes | None = b"k"
) -> list[Row]:
    rows = [(3, offset, ARRIVED, key, value) for offset, value in enumerate(values, start=40)]
    written = spark.createDataFrame(rows, RECORDS).coalesce(1).transform(to_load_lines(contract, epoch=2))
    return sorted(written.select(*load_lines.LOAD_COLUMNS).collect(), key=lambda row: row["_offset"])


def encoded(**changed: Any) -> bytes:
    return json.dumps(RECORD | changed).encode()


def test_an_accepted_record_is_one_line_in_the_order_of_the_facts_columns(spark: SparkSession) -> None:
    (row,) = lines(spark, CONSUMPTION, [encoded()])
    fields = row["_fact_line"].removesuffix("\n").split("\t")
    named = dict(zip(fact_columns(CONSUMPTION), fields, strict=True))

    segment = named.pop("segment_id")
    assert named == {
        "slot_start_utc": "2026-01-15 12:30:00",
        "region_code": "84",
        "nb_points_soutirage": "12",
        "total_energie_soutiree_wh": "336000",
        "courbe_moyenne_ndeg1_wh": "280.500",
        "indice_representativite_courbe_ndeg1": "< 1",
        "courbe_moyenne_ndeg2_wh": "\\N",
        "indice_representativite_courbe_ndeg2": "S",
        "courbe_moyenne_ndeg1_ndeg2_wh": "\\N",
        "indice_representativite_courbe_ndeg1_ndeg2": "\\N",
        "jour_max_du_mois_0_1": "0",
        "semaine_max_du_mois_0_1": "1",
        "source_epoch": "2",
        "source_partition": "3",
        "source_offset": "40",
    }
    assert 0 <= int(segment) < 2**63
    assert row["_member"] == int(segment)
    assert (row["_reject_line"], row["_warnings"], row["_timestamp_ms"]) == (None, 0, 1_768_482_000_250)


def test_a_rejected_record_is_one_line_with_its_raw_bytes_in_hex(spark: SparkSession) -> None:
    broken, tombstone = lines(spark, CONSUMPTION, [b'{"\t\n', None], key=b"\x00k")

    assert broken["_reject_line"] == "3\t40\t2026-01-15 13:00:00.250\t006B\t7B22090A\tjson\n"
    assert tombstone["_reject_line"] == "3\t41\t2026-01-15 13:00:00.250\t006B\t\\N\ttombstone\n"
    assert {broken["_fact_line"], tombstone["_fact_line"]} == {None}
    assert broken["_warnings"] == 0


def test_a_reject_without_a_key_says_so(spark: SparkSession) -> None:
    (row,) = lines(spark, CONSUMPTION, [b""], key=None)
    assert row["_reject_line"] == "3\t40\t2026-01-15 13:00:00.250\t\\N\t\tempty\n"


def test_a_reject_keeps_64_kb_of_the_value_and_1_kb_of_the_key(spark: SparkSession) -> None:
    (row,) = lines(spark, CONSUMPTION, [b"\xff" * 70_000], key=b"k" * 2_000)
    _, _, _, key, raw, rules = row["_reject_line"].removesuffix("\n").split("\t")

    assert (key, raw, rules) == ("6B" * 1024, "FF" * 65_536, "utf8")


@pytest.mark.parametrize(
    "instant", ["2026-01-15T12:30:00Z", "2026-01-15T12:30:00+00:00", "2026-01-15T18:00:00+05:30"]
)
def test_every_offset_is_written_as_the_same_instant_in_utc(spark: SparkSession, instant: str) -> None:
    (row,) = lines(spark, CONSUMPTION, [encoded(horodate=instant)])
    assert row["_fact_line"].startswith("2026-01-15 12:30:00\t") or row["_fact_line"].startswith(
        "2026-01-15T12:30:00\t"
    )


def test_what_mysql_would_read_as_structure_is_escaped(spark: SparkSession) -> None:
    index = replace(CONSUMPTION.field("indice_representativite_courbe_ndeg1"), pattern=None, max_length=None)
    fields = tuple(index if field.name == index.name else field for field in CONSUMPTION.fields)
    contract = replace(CONSUMPTION, fields=fields)
    (row,) = lines(spark, contract, [encoded(indice_representativite_courbe_ndeg1="a\tb\nc\\d\0e")])

    named = dict(zip(fact_columns(contract), row["_fact_line"].removesuffix("\n").split("\t"), strict=True))
    assert named["indice_representativite_courbe_ndeg1"] == "a\\tb\\nc\\\\d\\0e"


def test_a_text_that_looks_like_mysqls_null_is_still_a_text(spark: SparkSession) -> None:
    (row,) = lines(spark, CONSUMPTION, [encoded(profil="\\N")])
    assert row["_warnings"] == 1  # an unknown profile, and no missing one


def test_the_same_segment_has_one_key_whatever_else_differs(spark: SparkSession) -> None:
    same = lines(
        spark, CONSUMPTION, [encoded(), encoded(nb_points_soutirage=7, horodate="2026-01-15T00:00:00Z")]
    )
    other = lines(
        spark,
        CONSUMPTION,
        [encoded(profil="RES1 (+ RES1we)"), encoded(plage_de_puissance_souscrite="P0: Total <= 36 kVA")],
    )

    assert len({row["_member"] for row in same}) == 1
    assert len({row["_member"] for row in same + other}) == 3


def test_two_data_sets_never_share_a_segment(spark: SparkSession) -> None:
    (small,) = lines(spark, CONSUMPTION, [encoded()])
    (large,) = lines(spark, CONTRACTS["consumption_sup36"], [encoded(secteur_activite="S4: Non Affecté")])
    assert small["_member"] != large["_member"]


@pytest.mark.parametrize(
    ("day", "slots"), [(date(2026, 3, 29), 46), (date(2026, 6, 1), 48), (date(2026, 10, 25), 50)]
)
def test_a_paris_day_of_46_or_50_slots_keeps_every_slot(spark: SparkSession, day: date, slots: int) -> None:
    paris = [slot.astimezone().isoformat() for slot in slots_of_day(day)]
    rows = lines(spark, CONSUMPTION, [encoded(horodate=text) for text in paris])

    assert len(paris) == slots
    assert len({row["_fact_line"].split("\t")[0] for row in rows}) == slots


def test_a_data_set_without_dimensions_has_no_member(spark: SparkSession) -> None:
    (row,) = lines(spark, BALANCE, [b'{"horodate": "2026-01-15T12:15:00Z", "consommation_totale": 5}'])

    assert row["_fact_line"].startswith("2026-01-15 12:15:00\t\\N\t\\N\t\\N\t\\N\t5\t\\N\t")
    assert row["_fact_line"].endswith("\t2\t3\t40\n")
    assert row["_member"] == 0
