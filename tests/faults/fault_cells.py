"""The cells of the fault matrix: what strikes while records stream, and at which moments."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pymysql
import pytest
from confluent_kafka import Producer
from dying_ingest import PLACES
from fault_scene import Scene, Strike
from ingesting import SHORT_LIVED, ask, contracts_folder, end_server, environment_of, forget_lake
from mysql_proxy import Cut
from record_model import draw_records
from waiting import PATIENCE_S

from courant.batch.gold import build_gold
from courant.batch.maintain import maintain
from courant.batch.publish import publish
from courant.batch.rebuild_mysql import rebuild_mysql
from courant.batch.replay_rejects import replay_rejects
from courant.batch.silver import build_silver
from courant.errors import (
    AnotherWriterError,
    CourantError,
    DiskFullError,
    IngestError,
    MongoDownError,
    NotWritableError,
)  # fmt: skip
from courant.local.stack import status, up
from courant.session import submit_command, submit_environment
from courant.stores import delta
from courant.stores.mongo_spark import write_documents

_SOON, _LATER = (0.0, 1.5), (0.5, 3.0)
_WEIGHT = 20_000  # rows in the foreign transaction: the server gives up the lighter one of a deadlock
_LONG_AGO_S = 30 * 24 * 3600


@dataclass(frozen=True)
class Cell:
    """One kind of fault."""

    number: int  # of the matrix in docs/reliability.md
    name: str
    what: str
    strike: Strike
    may_end_with: type[CourantError] | None = None  # of the ingest; where None, it is to go on by itself
    in_suite: bool = True  # whether a short round is part of `make test`


@dataclass(frozen=True)
class Driver:
    """The ingest in a process group of its own."""

    process: subprocess.Popen[bytes]
    log: Path

    def kill(self) -> None:
        """Kill it, and all that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def wait_for_death(self) -> None:
        """Wait until it was killed; fail with what it said where it lives on, or ended by itself."""
        try:
            ended = self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            ended = None
        assert ended == -signal.SIGKILL, f"{ended}: {self.log.read_text()[-3000:]}"


@contextmanager
def _driver(scene: Scene, place: str | None) -> Iterator[Driver]:
    """Run the ingest in a process group of its own, which is killed in the end."""
    contracts = contracts_folder(scene.settings.lake.root.with_name("contracts"), scene.contract)
    nth = scene.chance.randint(1, 5) if place else 0  # none is the zeroth: it dies nowhere by itself
    log = contracts.with_name(f"driver-{place}.log")
    with (
        log.open("wb") as output,
        subprocess.Popen(
            submit_command(
                scene.settings,
                "tests/faults/dying_ingest.py",
                [place or "asleep", str(nth), "--dataset", scene.contract.name],
                properties="spark-ingest.conf",
            ),
            env=submit_environment() | environment_of(scene.settings, contracts) | SHORT_LIVED,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        driver = Driver(process, log)
        try:
            yield driver
        finally:
            driver.kill()


def kill_driver(scene: Scene) -> None:
    """Kill a driver of its own process, at a named place or at any moment, and start another one."""
    scene.ingest.stop()
    place = scene.chance.choice([None, *(place for place in PLACES if place != "asleep")])
    with _driver(scene, place) as first:
        if place is None:
            scene.wait_for_progress(beyond=scene.position())
            scene.pause(_LATER)
            first.kill()
        first.wait_for_death()
    with _driver(scene, None), scene.strike():
        pass  # the time from a start to the first commit is the recovery
    scene.start_ingest()


def kill_broker(scene: Scene) -> None:
    """Kill the broker at any moment, and start it again."""
    scene.pause(_SOON)
    with scene.strike():
        scene.end_and_start("kafka", signal.SIGKILL)


def restart_broker(scene: Scene) -> None:
    """Stop the broker as it asks to be stopped, and start it again."""
    scene.pause(_SOON)
    with scene.strike():
        scene.end_and_start("kafka", signal.SIGTERM)


def pause_broker(scene: Scene) -> None:
    """Let the broker stand still for a while."""
    scene.pause(_SOON)
    pid = status(scene.stack).services["kafka"].pid
    assert pid
    with scene.strike():
        os.kill(pid, signal.SIGSTOP)
        try:
            time.sleep(20)
        finally:
            os.kill(pid, signal.SIGCONT)


def kill_mysql(scene: Scene) -> None:
    """Kill MySQL at any moment, and start it again."""
    scene.pause(_SOON)
    with scene.strike():
        scene.end_and_start("mysql", signal.SIGKILL)


def cut_before_commit(scene: Scene) -> None:
    """Cut the connection at a COMMIT that the server never receives."""
    _cut(scene, "before")


def cut_after_commit(scene: Scene) -> None:
    """Cut the connection at a COMMIT that the server receives, and whose answer is lost."""
    _cut(scene, "after")


def _cut(scene: Scene, at: Cut) -> None:
    for _ in range(3):
        scene.pause(_SOON)
        with scene.strike():
            scene.proxy.arm(at)
            assert scene.proxy.has_cut.wait(PATIENCE_S)


def force_deadlock(scene: Scene) -> None:
    """Lock the facts that the ingest needs, then ask for its position: the server must end one of the two."""
    _hold_facts(scene, then_ask_for_position=True, error=1213)


def outwait_lock(scene: Scene) -> None:
    """Hold the facts' locks for longer than the ingest's session waits."""
    [(usual,)] = ask(scene.stack, "SELECT @@GLOBAL.innodb_lock_wait_timeout", account="root")
    try:
        ask(scene.stack, "SET GLOBAL innodb_lock_wait_timeout = 1", account="root")
        scene.ingest.stop()
        scene.start_ingest()  # a session takes the global value when it begins
        _hold_facts(scene, then_ask_for_position=False, error=1205)
    finally:
        ask(scene.stack, "SET GLOBAL innodb_lock_wait_timeout = %s", (usual,), account="root")


def _hold_facts(scene: Scene, *, then_ask_for_position: bool, error: int) -> None:
    """Hold locks on all facts until the ingest was told this error."""
    mysql = scene.settings.mysql
    database, told = mysql.database, scene.told
    ask(scene.stack, f"CREATE TABLE IF NOT EXISTS `{database}`.`weight` (`n` INT)", account="root")
    with scene.strike():
        already = told.count(error)
        with closing(
            pymysql.connect(
                host=mysql.host, port=mysql.port, user="root", database=database,
                password=mysql.root_password.get_secret_value(),
            )
        ) as foreign, foreign.cursor() as cursor:  # fmt: skip
            cursor.execute("SET SESSION innodb_lock_wait_timeout = 300")
            foreign.begin()
            cursor.execute(
                "INSERT INTO `weight` WITH RECURSIVE `more` (`n`) AS "
                "(SELECT 1 UNION ALL SELECT `n` + 1 FROM `more` WHERE `n` < 999) "
                "SELECT `a`.`n` FROM `more` `a` JOIN `more` `b` LIMIT %s",
                (_WEIGHT,),
            )
            cursor.execute("SELECT COUNT(*) FROM consumption FOR UPDATE")
            if then_ask_for_position:
                scene.wait(lambda: _somebody_waits(scene))  # the ingest holds its position and wants a fact
                cursor.execute("SELECT COUNT(*) FROM ingest_offset FOR UPDATE")
            scene.wait(lambda: told.count(error) > already)
            foreign.rollback()


def _somebody_waits(scene: Scene) -> bool:
    sql = "SELECT COUNT(*) FROM information_schema.INNODB_TRX WHERE trx_state = 'LOCK WAIT'"
    [(waiting,)] = ask(scene.stack, sql, account="root")
    return bool(waiting)


def delete_checkpoints(scene: Scene) -> None:
    """Take the checkpoints from under the running queries."""
    scene.pause(_SOON)
    checkpoints = scene.settings.lake.root / "_checkpoints"
    with scene.strike():
        checkpoints.rename(checkpoints.with_name("gone"))


def put_lake_back(scene: Scene) -> None:
    """Put an earlier copy of the lake in its place while no ingest runs."""
    lake, copy = scene.settings.lake.root, scene.settings.lake.root.with_name("copy")
    scene.ingest.stop()
    shutil.copytree(lake, copy)
    scene.start_ingest()
    scene.wait_for_progress(beyond=scene.position())
    scene.pause(_LATER)
    scene.ingest.stop()
    shutil.rmtree(lake)
    shutil.move(copy, lake)
    forget_lake(scene.spark)
    with scene.strike():
        scene.start_ingest()


def fill_lake(scene: Scene) -> None:
    """Fill the lake's file system, a small one of its own, and free it again."""
    lake = scene.settings.lake.root
    kept, filler = lake.with_name("kept"), lake / "filler"
    scene.ingest.stop()
    lake.rename(kept)
    lake.mkdir()
    _mount(scene, lake)
    shutil.copytree(kept, lake, dirs_exist_ok=True)
    forget_lake(scene.spark)
    scene.start_ingest()
    scene.pause(_SOON)
    with scene.strike():
        _fill(filler)
        scene.wait(lambda: scene.ends)
        scene.pause(_LATER)
        filler.unlink()


def fill_mysql(scene: Scene) -> None:
    """Fill the file system of MySQL's facts, a small one of its own, and free it again."""
    data = Path(ask(scene.stack, "SELECT @@datadir", account="root")[0][0]) / scene.settings.mysql.database
    kept, filler = data.with_name("#kept"), data / "filler"
    scene.ingest.stop()
    with _server_away(scene, "mysql"):
        data.rename(kept)
        data.mkdir()
        _mount(scene, data)
        shutil.copytree(kept, data, dirs_exist_ok=True)
        shutil.rmtree(kept)
    scene.afterwards.callback(_move_back, scene, data)
    with scene.strike():
        _fill(filler)
        scene.start_ingest()  # what was sent meanwhile finds no room
        scene.wait(lambda: scene.ends)
        scene.pause(_LATER)
        filler.unlink()


def _move_back(scene: Scene, data: Path) -> None:
    copy = data.with_name("#copy")
    with _server_away(scene, "mysql"):
        shutil.copytree(data, copy)
        subprocess.run(["umount", str(data)], check=True)
        data.rmdir()
        copy.rename(data)


@contextmanager
def _server_away(scene: Scene, server: str) -> Iterator[None]:
    end_server(scene.stack, server, signal.SIGTERM)
    yield
    up(scene.stack)


def _fill(filler: Path) -> None:
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1 << 12))


def _mount(scene: Scene, folder: Path) -> None:
    """Mount a file system of 64 MB in memory, until the round is over."""
    _as_root(["mount", "-t", "tmpfs", "-o", "size=64m", "courant-faults", str(folder)])
    unmount = ["umount", "--quiet", "--lazy", str(folder)]
    scene.afterwards.callback(subprocess.run, unmount, check=False)


def _as_root(command: list[str]) -> None:
    if os.geteuid() or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip(f"`{command[0]}` is refused here: that needs root")


def forbid_checkpoints(scene: Scene) -> None:
    """Make the folder of the checkpoints a file system that may not be written to, for a while."""
    checkpoints = str(scene.settings.lake.root / "_checkpoints")
    scene.pause(_SOON)
    _as_root(["mount", "--bind", checkpoints, checkpoints])
    scene.afterwards.callback(subprocess.run, ["umount", "--lazy", checkpoints], check=True)
    with scene.strike():
        _as_root(["mount", "-o", "remount,bind,ro", checkpoints])
        scene.wait(lambda: len(scene.ends) > 1)  # and no start passes either
        _as_root(["mount", "-o", "remount,bind,rw", checkpoints])


def turn_back_clock(scene: Scene) -> None:
    """Let the clocks of the ingest and of its MySQL sessions be an hour back for a while, and right again."""
    late = SimpleNamespace(time=lambda: time.time() - 3600)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("courant.stores.mysql.batch.time", late)
            _restart_with(scene, "SET timestamp = UNIX_TIMESTAMP() - 3600")
    finally:
        _restart_with(scene, "")


def _restart_with(scene: Scene, first_statement: str) -> None:
    """Let each new session of MySQL begin with a statement, and the ingest with a new session."""
    with scene.strike():
        ask(scene.stack, "SET GLOBAL init_connect = %s", (first_statement,), account="root")
        scene.ingest.stop()
        scene.start_ingest()


def kill_mongo(scene: Scene) -> None:
    """Kill MongoDB in the middle of a publish; then publish while it is away, and again when it is back."""
    spark, settings, contracts = scene.spark, scene.settings, [scene.contract]
    bronze = delta.bronze_path(settings.lake.root, scene.contract.name)
    scene.wait(lambda: delta.count_rows(bronze))  # which is behind MySQL, and may have nothing yet
    build_silver(spark, settings, scene.contract)
    build_gold(spark, settings, contracts)
    with pytest.MonkeyPatch.context() as patch:

        def write_and_kill(*arguments: Any) -> None:
            patch.undo()
            write_documents(*arguments)
            end_server(scene.stack, "mongo", signal.SIGKILL)

        patch.setattr("courant.batch.publish.write_documents", write_and_kill)
        for _ in range(2):  # killed behind the first collection, then away
            with pytest.raises(MongoDownError):
                publish(spark, settings, contracts, source="lake")
    scene.struck += 1
    up(scene.stack)
    publish(spark, settings, contracts, source="lake")


def start_second_ingest(scene: Scene) -> None:
    """Start a second ingest on the same stores, and both again and again as they stop each other."""
    scene.pause(_SOON)
    with scene.strike():
        second = scene.start_ingest()
        scene.wait(lambda: scene.ends)
        scene.pause(_LATER)
        second.stop()


def maintain_lake(scene: Scene) -> None:
    """Merge small files and delete what no version needs, while bronze is written."""
    bronze = scene.settings.lake.root / "bronze" / scene.contract.name
    for number in range(3):
        scene.wait(lambda: len(list(bronze.glob("*/*.parquet"))) > 1)
        orphan = next(bronze.glob("ingest_date=*")) / f"part-of-a-killed-writer-{number}.parquet"
        orphan.write_bytes(b"PAR1")
        os.utime(orphan, (time.time() - _LONG_AGO_S,) * 2)
        with scene.strike():
            [done] = maintain(scene.settings.lake.root)
        assert done.ok, done.problem
        assert done.deleted_files == 1
        assert not orphan.exists()


def abort_transactions(scene: Scene) -> None:
    """Send records whose transactions are aborted: they must never appear."""
    producer = Producer(
        {
            "bootstrap.servers": scene.settings.kafka.bootstrap_servers,
            "transactional.id": scene.settings.mysql.database,
            "linger.ms": 0,
        }
    )
    producer.init_transactions(60)
    for number in range(5):
        never = draw_records(scene.chance.randrange(10**6), 300).records
        with scene.strike():
            producer.begin_transaction()
            for key, value in never:
                producer.produce(scene.contract.topic, value, key)
            producer.flush(60)  # they lie in the log, and wait for their mark
            time.sleep(0.2 * number)
            producer.abort_transaction(60)


def look_again_and_rebuild(scene: Scene) -> None:
    """Judge the rejects again, twice, and make MySQL anew from bronze, while the stream goes on."""
    contract = scene.contract
    build_silver(scene.spark, scene.settings, contract)
    for work in (replay_rejects, replay_rejects, rebuild_mysql):
        scene.pause(_SOON)
        with scene.strike():
            work(scene.spark, scene.settings, contract)


CELLS = [
    Cell(1, "driver_killed", "driver killed -9, at a named place or any moment", kill_driver, in_suite=False),
    Cell(2, "checkpoints", "checkpoints taken from under the queries", delete_checkpoints, IngestError),
    Cell(2, "older_lake", "the lake put back to an earlier copy", put_lake_back, in_suite=False),
    Cell(2, "read_only", "checkpoints that may not be written to", forbid_checkpoints, NotWritableError),
    Cell(4, "broker_restarted", "broker stopped and started", restart_broker, in_suite=False),
    Cell(4, "broker_killed", "broker killed -9", kill_broker, in_suite=False),
    Cell(4, "broker_paused", "broker paused for 20 s", pause_broker),
    Cell(5, "mysql_killed", "MySQL killed -9 at any moment", kill_mysql, in_suite=False),
    Cell(5, "deadlock", "a forced deadlock (1213)", force_deadlock),
    Cell(5, "lock_wait", "a lock wait that times out (1205)", outwait_lock),
    Cell(5, "cut_before_commit", "connection cut before the server received COMMIT", cut_before_commit),
    Cell(5, "cut_after_commit", "connection cut after the server received COMMIT", cut_after_commit),
    Cell(6, "mongo_killed", "MongoDB killed -9 during publish, and away", kill_mongo),
    Cell(7, "two_ingests", "a second ingest on the same stores", start_second_ingest, AnotherWriterError),
    Cell(8, "maintenance", "OPTIMIZE and VACUUM while the stream runs", maintain_lake, in_suite=False),
    Cell(9, "full_disk", "the lake's disk full for a while", fill_lake, DiskFullError),
    Cell(9, "mysql_full_disk", "MySQL's disk full for a while", fill_mysql, DiskFullError, in_suite=False),
    Cell(11, "aborted", "transactions that were aborted", abort_transactions),
    Cell(12, "rebuild", "rejects judged again, MySQL rebuilt from bronze", look_again_and_rebuild),
    Cell(13, "clock", "the ingest's and MySQL's clocks an hour back", turn_back_clock, in_suite=False),
]
