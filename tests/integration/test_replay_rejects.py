"""Replay of rejects: a mended contract's records arrive once, never over a newer fact, and after any kill."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from ingesting import (
    CONTRACTS,
    SHORT_LIVED,
    ask,
    contracts_folder,
    drain,
    environment_of,
    own_sinks,
    own_topic,
    produce,
    rejects,
)
from pyspark.sql import SparkSession
from slow_paths import everything, in_lake, in_mysql
from waiting import wait_until

from courant.batch.replay_rejects import replay_rejects
from courant.batch.silver import build_silver
from courant.domain.contract import Contract, Severity, load_contract
from courant.errors import AnotherWriterError
from courant.reconcile import reconcile
from courant.session import submit_command, submit_environment
from courant.settings import Settings
from courant.stores.mysql.alone import alone
from courant.stores.mysql.connection import connect
from courant.stores.mysql.positions import read_positions

TEMPO = load_contract(Path(__file__).with_name("contracts") / "tempo.odcs.yaml")
NOW = datetime(2026, 4, 1, 12, 30, 15, 123456, tzinfo=UTC)
MARKED = datetime(2026, 4, 1, 12, 30, 15, 123000)  # noqa: DTZ001 - as MySQL gives it
LAST_REGION = '          - ["93", "Provence-Alpes-Côte d\'Azur"]\n'
CORSICA = '          - ["94", "Corsica"]\n'
WAITING = (
    "SELECT id FROM information_schema.processlist"
    " WHERE db = %s AND info LIKE '%%FROM ingest_offset%%FOR UPDATE' AND time_ms > 200"
)
SOUND = {
    "horodate": "2026-03-29T00:00:00+00:00",
    "region": "Bretagne",
    "code_region": "53",
    "profil": "RES3",
    "plage_de_puissance_souscrite": "P4: ]9-12] kVA",
    "nb_points_soutirage": 100,
    "total_energie_soutiree_wh": 1000,
}


def message(hour: int, **changed: Any) -> bytes:
    return json.dumps(SOUND | {"horodate": f"2026-03-29T{hour:02}:00:00+00:00"} | changed).encode()


def energy(hour: int, wh: int) -> bytes:
    return message(hour, total_energie_soutiree_wh=wh)


def corsica(hour: int, **changed: Any) -> bytes:
    return message(hour, code_region="94", region="Corsica", **changed)


# offset: what is sent | the rules of the published contract that it breaks
RECORDS = [
    (energy(0, 10), ""),
    (corsica(0), "unknown_member:code_region"),
    (corsica(1, profil="NEW1"), "unknown_member:code_region"),  # a member that no accepted record has
    (energy(1, -1), "energy_is_not_negative"),  # older than the fact of its key
    (energy(1, 20), ""),
    (energy(2, -2), "energy_is_not_negative"),
    (energy(2, -3), "energy_is_not_negative"),  # the newer of two rejects
    (energy(3, 30), ""),
    (energy(3, -4), "energy_is_not_negative"),  # newer than the fact of its key
    (b"{", "json"),  # still no JSON
    (corsica(2, nb_points_soutirage="many"), "type:nb_points_soutirage,unknown_member:code_region"),
]
STILL_OPEN = {(0, 9): "json", (0, 10): "type:nb_points_soutirage,unknown_member:code_region"}
REPLAYED = [1, 2, 3, 5, 6, 8]
# region, hour, profile: energy
MENDED = [
    ("53", 0, "RES3", 10),
    ("53", 1, "RES3", 20),
    ("53", 2, "RES3", -3),
    ("53", 3, "RES3", -4),
    ("94", 0, "RES3", 1000),
    ("94", 1, "NEW1", 1000),
]


@dataclass(frozen=True)
class Scene:
    """Layers made by the published contract, and the contract mended."""

    settings: Settings
    published: Contract
    mended: Contract
    contracts: Path  # the folder that has the mended one

    def facts(self) -> list[tuple[Any, ...]]:
        sql = "SELECT region_code, HOUR(slot_start_utc), profil, total_energie_soutiree_wh FROM v_consumption"
        return sorted(ask(self.settings, sql))

    def silver(self) -> list[tuple[Any, ...]]:
        rows = in_lake(self.settings, self.mended)["silver"]
        columns = ("region_code", "slot_start_utc", "profil", "total_energie_soutiree_wh")
        values = [[row[name] for name in columns] for row in rows]
        return sorted((region, instant.hour, profile, wh) for region, instant, profile, wh in values)


@pytest.fixture
def scene(
    stack: Settings, spark: SparkSession, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Scene]:
    name = f"replay_{crc32(request.node.name.encode())}"
    settings = own_sinks(stack, name, tmp_path)
    contract = own_topic(CONTRACTS["consumption_inf36"], settings, f"tests.{name}", partitions=1)
    produce(settings, contract.topic, [value for value, _ in RECORDS])
    drain(spark, settings, contract)
    build_silver(spark, settings, contract)
    folder = contracts_folder(tmp_path / "contracts", contract)
    return Scene(settings, contract, mend(folder / f"{contract.name}.odcs.yaml"), folder)


def mend(file: Path) -> Contract:
    """Add a region, and let negative energy pass with a warning."""
    text = file.read_text(encoding="utf-8")
    before, rule = text.split("name: energy_is_not_negative")
    assert LAST_REGION in before
    before = before.replace(LAST_REGION, LAST_REGION + CORSICA).replace("version: 1.0.0", "version: 1.1.0")
    file.write_text(
        f"{before}name: energy_is_not_negative{rule.replace('severity: reject', 'severity: warn', 1)}",
        encoding="utf-8",
    )
    return load_contract(file)


def is_reconciled(spark: SparkSession, scene: Scene, *, rejected: int, contract: Contract) -> bool:
    """Tell whether every layer agrees, with so many of all records rejected."""
    found = reconcile(spark, scene.settings, contract)
    assert (found.bronze, found.accepted, found.rejected) == (11, 11 - rejected, rejected), found
    assert [layer.layer for layer in found.layers] == ["silver"]
    return found.ok


def test_what_a_mended_contract_lets_pass_arrives_once_and_nothing_older_overwrites(
    scene: Scene, spark: SparkSession
) -> None:
    assert rejects(scene.settings) == {(0, n): rules for n, (_, rules) in enumerate(RECORDS) if rules}
    assert is_reconciled(spark, scene, rejected=8, contract=scene.published)
    assert is_reconciled(spark, scene, rejected=8, contract=scene.mended)

    first = replay_rejects(spark, scene.settings, scene.mended, now=NOW)

    assert (first.waiting, first.replayed, first.refused) == (8, 6, 0)
    assert [day.isoformat() for day in first.days] == ["2026-03-29"]
    assert scene.facts() == MENDED
    assert scene.silver() == MENDED
    marks = ask(scene.settings, "SELECT record_offset, replayed_at FROM reject ORDER BY 1")
    assert marks == [(n, MARKED if n in REPLAYED else None) for n in (1, 2, 3, 5, 6, 8, 9, 10)]
    in_the_lake = {
        row["offset"]: row["replayed_at_utc"] for row in in_lake(scene.settings, scene.mended)["rejects"]
    }
    assert in_the_lake == {n: at and at.replace(tzinfo=UTC) for n, at in marks}
    assert is_reconciled(spark, scene, rejected=2, contract=scene.mended)

    before = everything(scene.settings, scene.mended)
    second = replay_rejects(spark, scene.settings, scene.mended)

    assert (second.waiting, second.replayed, second.days) == (2, 0, ())
    assert everything(scene.settings, scene.mended) == before
    assert is_reconciled(spark, scene, rejected=2, contract=scene.mended)
    assert ask(
        scene.settings,
        "SELECT rows_in, accepted, rejected FROM ingest_batch WHERE run_id LIKE 'replay-rejects-%%'",
    ) == [(6, 6, 0)]
    assert ask(
        scene.settings,
        "SELECT day_utc, run_id LIKE 'replay-rejects-%%' FROM day_change JOIN ingest_batch USING (ingest_batch_id)",
    ) == [(datetime(2026, 3, 29).date(), 1)]  # noqa: DTZ001


def test_the_stream_goes_on_over_what_was_replayed(scene: Scene, spark: SparkSession) -> None:
    replay_rejects(spark, scene.settings, scene.mended)
    produce(scene.settings, scene.mended.topic, [energy(3, 40), corsica(0, nb_points_soutirage=7)])

    drain(spark, scene.settings, scene.mended)
    build_silver(spark, scene.settings, scene.mended)

    expected = [row if row[:2] != ("53", 3) else ("53", 3, "RES3", 40) for row in MENDED]
    assert scene.facts() == scene.silver() == expected
    assert reconcile(spark, scene.settings, scene.mended).ok


def test_a_replay_killed_between_silver_and_mysql_is_finished_by_the_next(
    scene: Scene, spark: SparkSession
) -> None:
    before = in_mysql(scene.settings, scene.mended)
    command = submit_command(
        scene.settings, "tests/faults/dying_replay.py", ["--dataset", "consumption_inf36"]
    )
    dead = subprocess.run(
        command,
        env=submit_environment() | environment_of(scene.settings, scene.contracts) | SHORT_LIVED,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # the whole process group is killed
        timeout=600,
        check=False,
    )
    assert dead.returncode == -signal.SIGKILL, dead.stdout[-2000:]
    assert scene.silver() == MENDED
    assert in_mysql(scene.settings, scene.mended) == before
    assert is_reconciled(spark, scene, rejected=8, contract=scene.mended)
    silver = in_lake(scene.settings, scene.mended)

    run = replay_rejects(spark, scene.settings, scene.mended)

    assert (run.waiting, run.replayed) == (8, 6)
    assert scene.facts() == MENDED
    assert in_lake(scene.settings, scene.mended) == silver
    assert is_reconciled(spark, scene, rejected=2, contract=scene.mended)
    assert replay_rejects(spark, scene.settings, scene.mended).replayed == 0


def test_a_replay_waits_for_the_batch_that_the_stream_is_at(scene: Scene, spark: SparkSession) -> None:
    with closing(connect(scene.settings, "writer")) as stream:
        stream.begin()
        topic_id = ask(scene.settings, "SELECT topic_id FROM topic_epoch")[0][0]
        read_positions(stream, scene.mended.name, topic_id, lock=True)
        replay = threading.Thread(target=replay_rejects, args=(spark, scene.settings, scene.mended))
        replay.start()
        wait_until(lambda: ask(scene.settings, WAITING, (scene.settings.mysql.database,), account="root"))
        assert [row[0] for row in scene.facts()] == ["53", "53", "53"]
        stream.commit()
    replay.join(timeout=600)

    assert scene.facts() == MENDED


def test_two_slow_paths_of_one_data_set_exclude_each_other(scene: Scene, spark: SparkSession) -> None:
    with alone(scene.settings, scene.mended.name), pytest.raises(AnotherWriterError, match="at work"):
        replay_rejects(spark, scene.settings, scene.mended)

    assert replay_rejects(spark, scene.settings, scene.mended).replayed == 6


def test_without_silver_mysql_is_replayed_alone(stack: Settings, spark: SparkSession, tmp_path: Path) -> None:
    settings = own_sinks(stack, "replay_mysql", tmp_path)
    contract = own_topic(CONTRACTS["consumption_inf36"], settings, "tests.replay_mysql", partitions=1)
    produce(settings, contract.topic, [corsica(0)])
    drain(spark, settings, contract)
    mended = mend(contracts_folder(tmp_path / "contracts", contract) / f"{contract.name}.odcs.yaml")

    assert replay_rejects(spark, settings, mended).replayed == 1
    build_silver(spark, settings, mended)

    assert ask(settings, "SELECT region_code, region FROM v_consumption") == [("94", "Corsica")]
    assert reconcile(spark, settings, mended).ok


def level(hour: int, value: int, **more: Any) -> bytes:
    return json.dumps(
        {"at": f"2026-07-01T{hour:02}:00:00Z", "station": "Isère", "level": value} | more
    ).encode()


def test_what_the_database_refuses_stays_a_reject_under_that_name(
    stack: Settings, spark: SparkSession, tmp_path: Path
) -> None:
    settings = own_sinks(stack, "replay_tempo", tmp_path)
    contract = own_topic(TEMPO, settings, "tests.replay_tempo", partitions=1)
    lasting = [
        level(0, 1, flow=-1),
        level(1, 300, flow=-1),
        level(2, 300),
        level(3, 3, station="Drac, rive gauche"),
    ]
    produce(settings, contract.topic, lasting)
    drain(spark, settings, contract)
    build_silver(spark, settings, contract)
    rule = "flow_is_not_negative"
    assert rejects(settings) == {(0, 0): rule, (0, 1): rule, (0, 2): "mysql:1264", (0, 3): "mysql:1452"}
    warned = tuple(replace(one, severity=Severity.WARN) for one in contract.rules)
    mended = replace(contract, version="0.2.0", rules=warned)

    run = replay_rejects(spark, settings, mended)

    assert (run.waiting, run.replayed, run.refused) == (4, 1, 3)
    assert ask(
        settings, "SELECT record_offset, rules, contract_version, replayed_at IS NULL FROM reject ORDER BY 1"
    ) == [
        (0, rule, "0.1.0", 0),
        (1, "mysql:1264", "0.2.0", 1),
        (2, "mysql:1264", "0.1.0", 1),
        (3, "mysql:1452", "0.1.0", 1),
    ]
    assert ask(settings, "SELECT HOUR(slot_start_utc), level, flow FROM tempo") == [(0, 1, -1)]
    assert reconcile(spark, settings, mended).ok

    before = everything(settings, mended)
    again = replay_rejects(spark, settings, mended)

    assert (again.replayed, again.refused) == (0, 3)
    assert everything(settings, mended) == before
