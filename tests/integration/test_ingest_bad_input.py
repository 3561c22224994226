"""Bad records through the real Kafka, MySQL and Delta: the stream never stops, and nothing disappears."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from deltalake import DeltaTable
from ingesting import CONTRACTS, ask, drain, own_sinks, own_topic, produce, rejects
from pyspark.sql import SparkSession

from courant.domain.contract import Contract, load_contract
from courant.reconcile import reconcile
from courant.settings import Settings

TEMPO = load_contract(Path(__file__).with_name("contracts") / "tempo.odcs.yaml")
TOPIC = "tests.bad_input"
MEASURES = ("nb_points_soutirage", "total_energie_soutiree_wh", "courbe_moyenne_ndeg1_wh")
SOUND = {
    "horodate": "2026-03-29T00:00:00+00:00",
    "region": "Nouvelle Aquitaine",
    "code_region": "75",
    "profil": "RES1 (+ RES1WE)",
    "plage_de_puissance_souscrite": "P2: ]3-6] kVA",
    "nb_points_soutirage": 1200,
    "total_energie_soutiree_wh": 336000,
    "courbe_moyenne_ndeg1_wh": 280.5,
    "indice_representativite_courbe_ndeg1": "< 1",
    "courbe_moyenne_ndeg2_wh": None,
    "indice_representativite_courbe_ndeg2": "S",
}


def message(slot: str = "2026-03-29T00:00:00+00:00", **changed: Any) -> bytes:
    return json.dumps(SOUND | {"horodate": slot} | changed, ensure_ascii=False).encode()


def missing(field: str) -> bytes:
    return json.dumps({name: value for name, value in SOUND.items() if name != field}).encode()


# what it is | the value as it is sent | the rules it breaks
BAD = [
    ("broken JSON", message()[:-30], "json"),
    ("a word behind the object", message() + b" end", "json"),
    ("invalid UTF-8", message(region="Grand-Est").replace(b"Grand", b"Gr\xe9nd"), "utf8"),
    ("an empty value", b"", "empty"),
    ("a tombstone", None, "tombstone"),
    ("a missing key field", missing("profil"), "required:profil"),
    (
        "a value of the wrong type",
        message(total_energie_soutiree_wh="beaucoup"),
        "type:total_energie_soutiree_wh",
    ),
    ("negative energy", message(total_energie_soutiree_wh=-1), "energy_is_not_negative"),
    ("an unknown region", message(code_region="99"), "unknown_member:code_region"),
    ("a timestamp without offset", message("2026-03-29T00:00:00"), "no_utc_offset:horodate"),
    ("a slot off the step", message("2026-03-29T00:15:00+00:00"), "off_step:horodate"),
    ("a number beyond BIGINT", message(total_energie_soutiree_wh=2**63), "type:total_energie_soutiree_wh"),
    ("2 MB of broken JSON", b'{"horodate": "' + b"x" * 2_000_000, "json"),
    ("a byte 0", b"\x00", "json"),
    (
        "two faults",
        message("2026-03-29T00:00:00", code_region="99"),
        "no_utc_offset:horodate,unknown_member:code_region",
    ),
]
GOOD = [
    ("sound", message("2026-03-29T01:00:00+00:00")),
    ("a field nobody declared", message("2026-03-29T01:30:00+00:00", couleur="rouge")),
    ("a 2 MB message", message("2026-03-29T02:00:00+00:00", remarque="x" * 2_000_000)),
    ("an unknown profile, which is added", message("2026-03-29T02:30:00+00:00", profil="RES9\té")),
    ("a total range", message("2026-03-29T03:00:00+00:00", plage_de_puissance_souscrite="P0: Total <= 36 kVA")),
    ("12.0 and a decimal comma", message("2026-03-29T05:30:00+02:00", nb_points_soutirage=12.0,
                                         courbe_moyenne_ndeg1_wh="280,5")),
]  # fmt: skip


@dataclass(frozen=True)
class Ingested:
    """What one drain made of everything that was sent."""

    settings: Settings
    contract: Contract
    sent: dict[tuple[int, int], bytes | None]
    places: dict[str, tuple[int, int]]


@pytest.fixture(scope="module")
def ingested(stack: Settings, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Ingested:
    """Send the bad among the good, an aborted transaction between them, and drain once."""
    settings = own_sinks(stack, "bad_input", tmp_path_factory.mktemp("bad_input"))
    contract = own_topic(CONTRACTS["consumption_inf36"], settings, TOPIC)
    titles, values = [title for title, *_ in BAD], [value for _, value, _ in BAD]
    bad = produce(settings, TOPIC, values, partition=0, key=b"75|\xff")
    send_transaction(settings, TOPIC, [message("2026-03-29T10:00:00+00:00")], commit=False)
    good = produce(settings, TOPIC, [value for _, value in GOOD], partition=0)
    send_transaction(settings, TOPIC, [message("2026-03-29T11:00:00+00:00")], commit=True)
    long_key = produce(settings, TOPIC, [b"{"], key=b"k" * 5_000, partition=1)
    latest = produce(settings, TOPIC, NEWER_AND_OLDER, partition=1)
    titles += (
        [title for title, _ in GOOD] + ["a key of 5,000 bytes"] + [f"newer {n}" for n in range(len(latest))]
    )
    places = [*bad, *good, *long_key, *latest]
    values += [value for _, value in GOOD] + [b"{"] + NEWER_AND_OLDER
    drain(spark, settings, contract)
    return Ingested(
        settings, contract, dict(zip(places, values, strict=True)), dict(zip(titles, places, strict=True))
    )


# one key each: the same record twice; a newer value; three slots out of order, one of them corrected later
NEWER_AND_OLDER = [
    message("2026-03-30T00:00:00Z", profil="PRO1 (+ PRO1WE)"),
    message("2026-03-30T00:00:00Z", profil="PRO1 (+ PRO1WE)"),
    message("2026-03-30T00:00:00Z", profil="PRO3", nb_points_soutirage=1),
    message("2026-03-30T01:00:00Z", profil="PRO4", nb_points_soutirage=13),
    message("2026-03-30T00:00:00Z", profil="PRO4", nb_points_soutirage=11),
    message("2026-03-30T00:30:00Z", profil="PRO4", nb_points_soutirage=12),
    message("2026-03-30T01:00:00+01:00", profil="PRO4", nb_points_soutirage=21),  # midnight UTC again
    message("2026-03-30T00:00:00Z", profil="PRO3", nb_points_soutirage=2, courbe_moyenne_ndeg1_wh=None),
]


def send_transaction(settings: Settings, topic: str, values: list[bytes], *, commit: bool) -> None:
    producer = Producer(
        {"bootstrap.servers": settings.kafka.bootstrap_servers, "transactional.id": f"{topic}-{commit}"}
    )
    producer.init_transactions(30)
    producer.begin_transaction()
    for value in values:
        producer.produce(topic, value, partition=0)
    assert producer.flush(30) == 0  # the records are on the broker, decided or not
    (producer.commit_transaction if commit else producer.abort_transaction)(30)


def fact(settings: Settings, slot: str, profile: str = "RES1 (+ RES1WE)") -> list[tuple[Any, ...]]:
    columns = ", ".join(MEASURES)
    return ask(
        settings,
        f"SELECT {columns} FROM v_consumption WHERE slot_start_utc = %s AND profil = %s",
        (slot, profile),
    )


@pytest.mark.parametrize(("title", "rules"), [(title, rules) for title, _, rules in BAD])
def test_a_bad_record_is_kept_as_a_reject_under_its_rules_name(
    ingested: Ingested, title: str, rules: str
) -> None:
    assert rejects(ingested.settings)[ingested.places[title]] == rules


@pytest.mark.parametrize("title", [title for title, _ in GOOD])
def test_an_odd_but_good_record_is_no_reject(ingested: Ingested, title: str) -> None:
    assert ingested.places[title] not in rejects(ingested.settings)


def test_rejects_are_exactly_the_bad_records(ingested: Ingested) -> None:
    expected = {ingested.places[title]: rules for title, _, rules in BAD}
    assert rejects(ingested.settings) == expected | {ingested.places["a key of 5,000 bytes"]: "json"}


def test_a_reject_keeps_the_first_64_kb_of_the_raw_value_and_bronze_has_all_of_it(ingested: Ingested) -> None:
    partition, offset = ingested.places["2 MB of broken JSON"]
    (raw, key, version), = ask(
        ingested.settings,
        "SELECT raw, message_key, contract_version FROM reject WHERE partition_id = %s AND record_offset = %s",
        (partition, offset),
    )  # fmt: skip

    assert raw == b'{"horodate": "' + b"x" * (65_536 - 14)
    assert key == b"75|\xff"
    assert version == "1.0.0"
    assert len(bronze(ingested)[partition, offset]) == 2_000_014


def test_bronze_has_every_record_byte_for_byte(ingested: Ingested) -> None:
    stored = bronze(ingested)
    committed = set(stored) - set(ingested.sent)

    assert {place: stored[place] for place in ingested.sent} == ingested.sent
    assert [stored[place] for place in committed] == [message("2026-03-29T11:00:00+00:00")]


def test_records_of_an_aborted_transaction_appear_nowhere(ingested: Ingested) -> None:
    assert fact(ingested.settings, "2026-03-29 10:00:00") == []
    assert message("2026-03-29T10:00:00+00:00") not in bronze(ingested).values()
    assert fact(ingested.settings, "2026-03-29 11:00:00") == [(1200, 336000, Decimal("280.500"))]


def test_odd_but_good_records_arrive_as_the_contract_says(ingested: Ingested) -> None:
    sound = [(1200, 336000, Decimal("280.500"))]

    assert fact(ingested.settings, "2026-03-29 01:00:00") == sound
    assert fact(ingested.settings, "2026-03-29 01:30:00") == sound
    assert fact(ingested.settings, "2026-03-29 02:00:00") == sound
    assert fact(ingested.settings, "2026-03-29 02:30:00", "RES9\té") == sound
    assert fact(ingested.settings, "2026-03-29 03:30:00") == [(12, 336000, Decimal("280.500"))]
    index, hidden, region = ask(
        ingested.settings,
        "SELECT indice_representativite_courbe_ndeg1, indice_representativite_courbe_ndeg2, region"
        " FROM v_consumption WHERE slot_start_utc = '2026-03-29 01:00:00'",
    )[0]
    assert (index, hidden, region) == ("< 1", "S", "Nouvelle Aquitaine")


def test_totals_are_flagged_and_keep_their_bounds(ingested: Ingested) -> None:
    rows = ask(
        ingested.settings,
        "SELECT plage_de_puissance_souscrite, is_total, lower_kva, upper_kva FROM power_range ORDER BY 1",
    )
    assert rows == [("P0: Total <= 36 kVA", 1, 0, 36), ("P2: ]3-6] kVA", 0, 3, 6)]


def test_the_same_record_twice_is_one_fact(ingested: Ingested) -> None:
    assert fact(ingested.settings, "2026-03-30 00:00:00", "PRO1 (+ PRO1WE)") == [
        (1200, 336000, Decimal("280.500"))
    ]


def test_a_newer_value_replaces_the_whole_fact(ingested: Ingested) -> None:
    assert fact(ingested.settings, "2026-03-30 00:00:00", "PRO3") == [(2, 336000, None)]


def test_slots_out_of_order_each_hold_their_newest_value(ingested: Ingested) -> None:
    slots = ("00:00:00", "00:30:00", "01:00:00")
    found = [fact(ingested.settings, f"2026-03-30 {slot}", "PRO4")[0][0] for slot in slots]
    assert found == [21, 12, 13]


def test_the_account_adds_up(ingested: Ingested) -> None:
    rows_in, accepted, rejected = ask(
        ingested.settings, "SELECT SUM(rows_in), SUM(accepted), SUM(rejected) FROM ingest_batch"
    )[0]
    warnings = [json.loads(text) for (text,) in ask(ingested.settings, "SELECT warnings FROM ingest_batch")]

    assert rows_in == len(ingested.sent) + 1  # the committed transaction's
    assert rejected == len(BAD) + 1
    assert accepted == rows_in - rejected
    assert sum(w.get("unknown_member:profil", 0) for w in warnings) == 1


def test_reconcile_agrees_across_rejects_and_an_aborted_transaction(
    ingested: Ingested, spark: SparkSession
) -> None:
    found = reconcile(spark, ingested.settings, ingested.contract)

    assert found.ok, found
    assert (found.produced, found.bronze) == (len(ingested.sent) + 1, len(ingested.sent) + 1)
    assert found.rejected == len(BAD) + 1
    assert (found.missing, found.doubled) == (0, 0)


# -- a fourth data set, by writing only a contract; some of its limits are known to the database alone


@pytest.fixture(scope="module")
def tempo(stack: Settings, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Drain a data set whose contract was written by this test."""
    settings = own_sinks(stack, "tempo", tmp_path_factory.mktemp("tempo"))
    own_topic(TEMPO, settings, TEMPO.topic, partitions=1)
    produce(settings, TEMPO.topic, [json.dumps(record).encode() for record in TEMPO_RECORDS])
    drain(spark, settings, TEMPO)
    return settings


def level(hour: int, value: Any, station: str = "Isère", **more: Any) -> dict[str, Any]:
    return {"at": f"2026-07-01T{hour:02}:00:00Z", "station": station, "level": value} | more


ODD_TEXT = 'tab\tline\nback\\slash \\N "é\x00œ'
TEMPO_RECORDS = [
    level(0, 1),
    level(1, 127, remark=ODD_TEXT),
    level(2, 128),  # beyond TINYINT
    level(3, -128, flow="12,345"),
    level(4, 300),
    level(5, 5, station="Drac, rive gauche"),  # longer than its dimension's column
    level(6, 6, station="Drac\tété"),
    level(7, 7, flow=-1),
    level(8, 8, flow=0, checked_at_level=2**63 - 1),
]


def test_a_fourth_data_set_needs_only_a_contract(tempo: Settings) -> None:
    rows = ask(
        tempo,
        "SELECT HOUR(slot_start_utc), station, is_upstream, level, flow, checked_at_level FROM v_tempo ORDER BY 1",
    )
    assert rows == [
        (0, "Isère", 0, 1, None, None),
        (1, "Isère", 0, 127, None, None),
        (3, "Isère", 0, -128, Decimal("12.35"), None),
        (6, "Drac\tété", 0, 6, None, None),
        (8, "Isère", 0, 8, Decimal("0.00"), 9_223_372_036_854_775_807),
    ]


def test_what_only_the_database_refuses_becomes_a_reject_and_its_neighbours_arrive(tempo: Settings) -> None:
    assert rejects(tempo) == {
        (0, 2): "mysql:1264",
        (0, 4): "mysql:1264",
        (0, 5): "mysql:1452",
        (0, 7): "flow_is_not_negative",
    }


def test_tab_line_feed_backslash_and_byte_0_survive_every_hop(tempo: Settings) -> None:
    assert ask(tempo, "SELECT remark FROM tempo WHERE level = 127") == [(ODD_TEXT,)]


def test_reconcile_counts_what_the_database_refused_as_rejected(tempo: Settings, spark: SparkSession) -> None:
    found = reconcile(spark, tempo, TEMPO)

    assert found.ok, found
    assert (found.produced, found.accepted, found.rejected, found.mysql) == (9, 5, 4, 5)


def bronze(ingested: Ingested) -> dict[tuple[int, int], bytes | None]:
    path = ingested.settings.lake.root / "bronze" / ingested.contract.name
    table = DeltaTable(str(path)).to_pyarrow_table(columns=["partition", "offset", "value"])
    places = zip(table["partition"].to_pylist(), table["offset"].to_pylist(), strict=True)
    found = dict(zip(places, table["value"].to_pylist(), strict=True))
    assert len(found) == table.num_rows  # no place twice
    return found
