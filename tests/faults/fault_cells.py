"""The cells of the fault matrix: what strikes while records stream, and at which moments."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pymysql
import pytest
from confluent_kafka import Producer
from dying_ingest import PLACES
from fault_scene import Scene, Strike
from ingesting import SHORT_LIVED, ask, contracts_folder, environment_of, forget_lake
from record_model import draw_records
from waiting import PATIENCE_S, wait_until

from courant.batch.gold import build_gold
from courant.batch.maintain import maintain
from courant.batch.publish import publish
from courant.batch.rebuild_mysql import rebuild_mysql
from courant.batch.replay_rejects import replay_rejects
from courant.batch.silver import build_silver
from courant.errors import AnotherWriterError, MongoDownError
from courant.session import submit_command, submit_environment

_SOON, _LATER = (0.0, 1.5), (0.5, 3.0)
_WEIGHT = 20_000  # rows in the foreign transaction: the server gives up the lighter one of a deadlock


@dataclass(frozen=True)
class Cell:
    """One kind of fault."""

    number: int  # of the matrix in docs/reliability.md
    name: str
    what: str
    strike: Strike
    in_suite: bool = True  # whether the short round of `make test` has it, or other tests there do


def kill_driver(scene: Scene) -> None:
    """Kill a driver of its own process, at a named place or at any moment, and start another one."""
    scene.ingest.stop()
    place = scene.chance.choice([None, *(place for place in PLACES if place != "asleep")])
    reached = scene.position()
    with _driver(scene, place) as first:
        if place is None:
            wait_until(lambda: scene.position() > reached or scene.has_all())
            scene.pause(_LATER)
            os.killpg(first.pid, signal.SIGKILL)
        assert first.wait(PATIENCE_S) == -signal.SIGKILL
    second = _driver(scene, None)
    with scene.strike():
        pass  # a dead driver: the time until the next one's first commit is its recovery
    second.send_signal(signal.SIGTERM)
    assert second.wait(PATIENCE_S) == 0
    scene.start_ingest()


def kill_broker(scene: Scene) -> None:
    """Kill the broker at any moment, and start it again."""
    scene.pause(_SOON)
    with scene.strike():
        _end(scene, "kafka", signal.SIGKILL)


def restart_broker(scene: Scene) -> None:
    """Stop the broker as it asks to be stopped, and start it again."""
    scene.pause(_SOON)
    with scene.strike():
        _end(scene, "kafka", signal.SIGTERM)


def pause_broker(scene: Scene) -> None:
    """Let the broker stand still for a while."""
    scene.pause(_SOON)
    pid = scene.pid("kafka")
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
        _end(scene, "mysql", signal.SIGKILL)


def cut_before_commit(scene: Scene) -> None:
    """Cut the connection at a COMMIT that the server never receives."""
    _cut(scene, "before")


def cut_after_commit(scene: Scene) -> None:
    """Cut the connection at a COMMIT that the server receives, and whose answer is lost."""
    _cut(scene, "after")


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


def delete_checkpoints(scene: Scene) -> None:
    """Delete the checkpoints from under the running queries."""
    scene.pause(_SOON)
    with scene.strike():
        shutil.rmtree(scene.settings.lake.root / "_checkpoints", ignore_errors=True)


def put_lake_back(scene: Scene) -> None:
    """Put an earlier copy of the lake in its place while no ingest runs."""
    lake, copy = scene.settings.lake.root, scene.settings.lake.root.with_name("copy")
    scene.ingest.stop()
    shutil.copytree(lake, copy)
    scene.start_ingest()
    scene.pause(_LATER)
    with scene.strike():
        scene.ingest.stop()
        shutil.rmtree(lake)
        shutil.move(copy, lake)
        forget_lake(scene.spark)
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
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(1 << 12))
        wait_until(lambda: scene.ingest.ends or scene.ingest.unclear)
        scene.pause(_LATER)
        filler.unlink()


def _mount(scene: Scene, folder: Path) -> None:
    """Mount a file system of 64 MB in memory, until the round is over."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "courant-faults", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no small file system can be mounted here: that needs root")
    scene.afterwards.callback(subprocess.run, ["umount", "--lazy", str(folder)], check=True)


def start_second_ingest(scene: Scene) -> None:
    """Start a second ingest on the same stores, and both again and again as they stop each other."""
    scene.pause(_SOON)
    with scene.strike():
        second = scene.another_ingest()
        wait_until(lambda: scene.ingest.ends or second.ends or scene.has_all())
        scene.pause(_LATER)
        second.stop()
    assert second.unclear is None, second.unclear
    ends = scene.ingest.ends + second.ends
    assert ends
    assert all(isinstance(end, AnotherWriterError) for end in ends), ends


def maintain_lake(scene: Scene) -> None:
    """Merge small files and delete what no version needs, while bronze is written."""
    for _ in range(3):
        scene.pause(_SOON)
        with scene.strike():
            maintain(scene.settings.lake.root)


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


def replay_and_rebuild(scene: Scene) -> None:
    """Take the rejects in again, twice, and make MySQL anew from bronze, while the stream goes on."""
    contract = scene.contract
    for work in (replay_rejects, replay_rejects, rebuild_mysql):
        scene.pause(_SOON)
        with scene.strike():
            build_silver(scene.spark, scene.settings, contract)
            work(scene.spark, scene.settings, contract)


def kill_mongo(scene: Scene) -> None:
    """Kill MongoDB in the middle of a publish; then publish while it is away, and again when it is back."""
    spark, settings, contracts = scene.spark, scene.settings, [scene.contract]
    build_silver(spark, settings, scene.contract)
    build_gold(spark, settings, contracts)
    failures: list[BaseException] = []

    def work() -> None:
        try:
            publish(spark, settings, contracts, source="lake")
        except BaseException as error:
            failures.append(error)

    publishing = threading.Thread(target=work)
    publishing.start()
    scene.pause(_SOON)
    pid = scene.pid("mongo")
    os.kill(pid, signal.SIGKILL)
    _wait_for_the_end_of(pid)
    publishing.join()
    work()
    scene.up()
    scene.struck += 1
    assert failures  # the second one at least found no server
    assert all(isinstance(failure, MongoDownError) for failure in failures), failures
    publish(spark, settings, contracts, source="lake")


def _driver(scene: Scene, place: str | None) -> subprocess.Popen[bytes]:
    """Start the ingest in a process, and with it in a process group, of its own."""
    contracts = contracts_folder(scene.settings.lake.root.with_name("contracts"), scene.contract)
    nth = scene.chance.randint(1, 5) if place else 0  # none is the zeroth: it dies nowhere by itself
    return subprocess.Popen(
        submit_command(
            scene.settings,
            "tests/faults/dying_ingest.py",
            [place or "asleep", str(nth), "--dataset", scene.contract.name],
            properties="spark-ingest.conf",
        ),
        env=submit_environment() | environment_of(scene.settings, contracts) | SHORT_LIVED,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _end(scene: Scene, server: str, how: signal.Signals) -> None:
    pid = scene.pid(server)
    os.kill(pid, how)
    _wait_for_the_end_of(pid)
    scene.up()


def _wait_for_the_end_of(pid: int) -> None:
    wait_until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


def _cut(scene: Scene, at: str) -> None:
    for _ in range(3):
        scene.pause(_SOON)
        with scene.strike():
            scene.proxy.arm(at)
            assert scene.proxy.has_cut.wait(60)


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
            foreign.begin()
            cursor.execute(
                "INSERT INTO `weight` WITH RECURSIVE `more` (`n`) AS "
                "(SELECT 1 UNION ALL SELECT `n` + 1 FROM `more` WHERE `n` < 999) "
                "SELECT `a`.`n` FROM `more` `a` JOIN `more` `b` LIMIT %s",
                (_WEIGHT,),
            )
            cursor.execute("SELECT COUNT(*) FROM consumption FOR UPDATE")
            if then_ask_for_position:
                wait_until(lambda: _somebody_waits(scene))  # the ingest holds its position and wants a fact
                cursor.execute("SELECT COUNT(*) FROM ingest_offset FOR UPDATE")
            wait_until(lambda: told.count(error) > already)
            foreign.rollback()


def _somebody_waits(scene: Scene) -> bool:
    sql = "SELECT COUNT(*) FROM information_schema.INNODB_TRX WHERE trx_state = 'LOCK WAIT'"
    [(waiting,)] = ask(scene.stack, sql, account="root")
    return bool(waiting)


CELLS = [
    Cell(1, "driver_killed", "driver killed -9, at a named place or any moment", kill_driver, in_suite=False),
    Cell(2, "checkpoints", "checkpoints deleted from under the queries", delete_checkpoints),
    Cell(2, "older_lake", "the lake put back to an earlier copy", put_lake_back, in_suite=False),
    Cell(4, "broker_restarted", "broker stopped and started", restart_broker),
    Cell(4, "broker_killed", "broker killed -9", kill_broker, in_suite=False),
    Cell(4, "broker_paused", "broker paused for 20 s", pause_broker),
    Cell(5, "mysql_killed", "MySQL killed -9 at any moment", kill_mysql, in_suite=False),
    Cell(5, "deadlock", "a forced deadlock (1213)", force_deadlock),
    Cell(5, "lock_wait", "a lock wait that times out (1205)", outwait_lock),
    Cell(5, "cut_before_commit", "connection cut before the server received COMMIT", cut_before_commit),
    Cell(5, "cut_after_commit", "connection cut after the server received COMMIT", cut_after_commit),
    Cell(6, "mongo_killed", "MongoDB killed -9 during publish, and away", kill_mongo, in_suite=False),
    Cell(7, "two_ingests", "a second ingest on the same stores", start_second_ingest),
    Cell(8, "maintenance", "OPTIMIZE and VACUUM while the stream runs", maintain_lake, in_suite=False),
    Cell(9, "full_disk", "the lake's disk full for a while", fill_lake, in_suite=False),
    Cell(11, "aborted", "transactions that were aborted", abort_transactions),
    Cell(12, "replay_rebuild", "rejects replayed twice, MySQL rebuilt from bronze", replay_and_rebuild),
]
