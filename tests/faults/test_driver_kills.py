"""The driver is killed where it hurts most: after a restart nothing is missing and nothing doubled."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest
from deltalake import DeltaTable
from fault_records import BAD_RECORDS, BATCH_RECORDS, records
from ingesting import (
    CONTRACTS,
    SHORT_LIVED,
    ask,
    contracts_folder,
    disagreements,
    drain,
    environment_of,
    own_sinks,
    own_topic,
    send,
)
from pyspark.sql import SparkSession

from courant.domain.contract import Contract
from courant.session import submit_command, submit_environment
from courant.settings import Settings

NTH = 2  # batch of three


def kept(_folder: Path) -> None:
    """Leave the checkpoints as the dead driver left them."""


def deleted(folder: Path) -> None:
    """Delete them."""
    shutil.rmtree(folder)


def older(folder: Path) -> None:
    """Put back an older copy: one that does not know of the newest batches."""
    logs = [log for log in folder.glob("*/*/*") if log.name in {"offsets", "commits"}]
    newest = [max(batches, key=lambda file: int(file.name)) for log in logs if (batches := numbered(log))]
    assert newest
    for file in newest:
        file.unlink()


def numbered(log: Path) -> list[Path]:
    """List a checkpoint log's files: one per batch."""
    return [file for file in log.iterdir() if file.name.isdigit()]


class Kill(NamedTuple):
    """One way to die, and what is certain afterwards."""

    place: str
    checkpoints: Callable[[Path], None]  # what becomes of them before the restart
    batches: int | None  # that MySQL has committed
    appends: int | None  # that bronze has committed


KILLS = [
    Kill("before_bronze_commit", kept, None, NTH - 1),
    Kill("after_bronze_commit", deleted, None, NTH),
    Kill("inside_mysql_transaction", older, NTH - 1, None),
    Kill("after_mysql_commit", older, NTH, None),
]


@dataclass(frozen=True)
class Killed:
    """A driver that died, and the sinks it left."""

    settings: Settings
    contract: Contract
    dead: Future[subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def killed(stack: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Killed]]:
    """Let one driver after the other die, while the tests already look at what the first one left."""
    messages = records()
    with ThreadPoolExecutor(max_workers=1) as one_at_a_time:
        scenes = {}
        for place in [kill.place for kill in KILLS]:
            folder = tmp_path_factory.mktemp(place)
            settings = own_sinks(stack, place, folder, max_offsets_per_trigger=BATCH_RECORDS)
            contract = own_topic(CONTRACTS["consumption_inf36"], settings, f"faults.{place}", partitions=4)
            send(settings, contract.topic, messages)
            contracts = contracts_folder(folder / "contracts", contract)
            dead = one_at_a_time.submit(run_until_it_dies, place, settings, contracts)
            scenes[place] = Killed(settings, contract, dead)
        yield scenes


def run_until_it_dies(place: str, settings: Settings, contracts: Path) -> subprocess.CompletedProcess[str]:
    arguments = [place, str(NTH), "--dataset", "consumption_inf36", "--drain"]
    return subprocess.run(
        submit_command(settings, "tests/faults/dying_ingest.py", arguments, properties="spark-ingest.conf"),
        env=submit_environment() | environment_of(settings, contracts) | SHORT_LIVED,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # the whole process group is killed
        timeout=600,
        check=False,
    )


@pytest.mark.parametrize("kill", KILLS, ids=[kill.place for kill in KILLS])
def test_nothing_is_missing_or_doubled_after_a_kill(
    killed: dict[str, Killed], spark: SparkSession, kill: Kill
) -> None:
    scene = killed[kill.place]
    dead = scene.dead.result()
    assert dead.returncode == -signal.SIGKILL, dead.stdout[-2000:]
    assert kill.batches in (None, ask(scene.settings, "SELECT COUNT(*) FROM ingest_batch")[0][0])
    assert kill.appends in (None, appends(scene))
    kill.checkpoints(scene.settings.lake.root / "_checkpoints")

    drain(spark, scene.settings, scene.contract)

    assert disagreements(spark, scene.settings, scene.contract) == []
    assert ask(scene.settings, "SELECT COUNT(*) FROM reject") == [(BAD_RECORDS,)]


def test_a_killed_append_leaves_files_that_no_reader_sees(killed: dict[str, Killed]) -> None:
    scene = killed["before_bronze_commit"]
    scene.dead.result()
    table = DeltaTable(str(bronze(scene)))

    orphans = {str(file.relative_to(bronze(scene))) for file in bronze(scene).rglob("*.parquet")}
    assert {Path(file).name for file in orphans} > {Path(file).name for file in table.file_uris()}


def bronze(scene: Killed) -> Path:
    return scene.settings.lake.root / "bronze" / scene.contract.name


def appends(scene: Killed) -> int:
    operations = [commit["operation"] for commit in DeltaTable(str(bronze(scene))).history()]
    return operations.count("WRITE")
