"""The embedded stack, with its real servers."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event

import psutil
import pymysql
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from pymongo import MongoClient

from courant.errors import AccessDeniedError, CourantError, PortInUseError
from courant.local import launch
from courant.local.jars import silent
from courant.local.kafka import KafkaServer
from courant.local.mariadb import MariaDBServer
from courant.local.mongo import MongoServer
from courant.local.ports import free_ports
from courant.local.secrets import with_passwords
from courant.local.stack import StackStatus, down, status, up
from courant.settings import Settings, load_settings, secrets_file

COURANT = str(Path(sys.executable).with_name("courant"))
Connect = Callable[..., pymysql.Connection]


@contextmanager
def a_stack(home: Path) -> Iterator[StackStatus]:
    """Bring a stack up in a home and take it down, with its data, at the end."""
    try:
        yield up(load_settings(home=home))
    finally:
        down(load_settings(home=home))
        shutil.rmtree(home / "data", ignore_errors=True)


def connect(settings: Settings, account: str = "owner") -> pymysql.Connection:
    mysql = settings.mysql
    user = account if account == "root" else f"courant_{account}"
    password = getattr(mysql, f"{account}_password").get_secret_value()
    return pymysql.connect(
        host=mysql.host,
        port=mysql.port,
        user=user,
        password=password,
        database=mysql.database,
        autocommit=True,
    )


def ask(settings: Settings, statement: str, account: str = "owner") -> list[tuple[object, ...]]:
    with closing(connect(settings, account)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


def pids(of: StackStatus) -> set[int]:
    return {service.pid for service in of.services.values() if service.pid}


def processes_with(text: str) -> list[str]:
    """List the command lines of living processes that mention a text."""
    found = [process.info for process in psutil.process_iter(["cmdline", "status"])]
    lines = [" ".join(info["cmdline"] or ()) for info in found if info["status"] != psutil.STATUS_ZOMBIE]
    return [line for line in lines if text in line]


def kill(victims: set[int]) -> None:
    processes = [psutil.Process(pid) for pid in victims]
    for process in processes:
        process.send_signal(signal.SIGKILL)
    psutil.wait_procs(processes, timeout=10)


def states(of: StackStatus) -> set[str]:
    return {service.state for service in of.services.values()}


def courant(home: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"COURANT_HOME": str(home)} | variables
    return subprocess.run([COURANT, *arguments], env=environment, capture_output=True, text=True, check=False)


# -- on the shared stack: nothing here changes it


def test_status_as_json_is_all_that_a_script_needs(stack: Settings) -> None:
    answer = courant(stack.home, "status", "--json")

    document = json.loads(answer.stdout)
    services = document["services"]
    assert answer.returncode == 0
    assert document["home"] == str(stack.home)
    assert document["lake"] == {"root": str(stack.home / "lake")}
    assert {name: services[name]["state"] for name in services} == dict.fromkeys(
        ("kafka", "mysql", "mongo"), "running"
    )
    assert services["kafka"]["bootstrap_servers"] == stack.kafka.bootstrap_servers
    assert services["mysql"]["port"] == stack.mysql.port
    assert services["mysql"]["host"] == "127.0.0.1"
    assert services["mysql"]["database"] == "courant"
    assert services["mongo"]["uri"] == stack.mongo.uri
    assert all(psutil.pid_exists(services[name]["pid"]) for name in services)
    assert document["datasets"]["balance"]["topic"] == "readings.balance"


def test_up_when_all_is_up_starts_nothing(stack: Settings) -> None:
    before = status(stack)

    again = courant(stack.home, "up")

    assert again.returncode == 0
    assert "up already" in again.stderr
    assert pids(status(stack)) == pids(before)


def test_the_passwords_are_for_their_owner_alone(stack: Settings) -> None:
    path = secrets_file(stack.home)

    kept = json.loads(path.read_text())["mysql"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert set(kept) == {"root_password", "owner_password", "writer_password", "reader_password"}
    assert len(set(kept.values())) == 4
    assert not [line for password in kept.values() for line in processes_with(password)]


def test_the_reader_reads_and_cannot_write(stack: Settings) -> None:
    ask(stack, "CREATE TABLE IF NOT EXISTS rights (id INT PRIMARY KEY)")

    assert ask(stack, "SELECT COUNT(*) FROM rights", "reader") == [(0,)]
    for forbidden in ("INSERT INTO rights VALUES (1)", "DROP TABLE rights", "CREATE TABLE other (id INT)"):
        with pytest.raises(pymysql.err.OperationalError, match="denied"):
            ask(stack, forbidden, "reader")


def test_the_writer_writes_rows_and_cannot_change_tables(stack: Settings) -> None:
    ask(stack, "CREATE TABLE IF NOT EXISTS written (id INT PRIMARY KEY)")

    ask(stack, "REPLACE INTO written VALUES (7)", "writer")

    assert ask(stack, "SELECT id FROM written") == [(7,)]
    with pytest.raises(pymysql.err.OperationalError, match="denied"):
        ask(stack, "ALTER TABLE written ADD COLUMN more INT", "writer")


def test_nobody_enters_the_database_without_a_password(stack: Settings) -> None:
    for user in ("root", "courant_owner", "courant_reader", ""):
        with pytest.raises(pymysql.err.OperationalError, match="denied"):
            pymysql.connect(host="127.0.0.1", port=stack.mysql.port, user=user, password="")


def test_the_database_is_durable_and_keeps_case_and_accents_apart(stack: Settings) -> None:
    names = (
        "innodb_flush_log_at_trx_commit",
        "time_zone",
        "local_infile",
        "collation_server",
        "max_allowed_packet",
    )
    rows = dict(ask(stack, f"SHOW VARIABLES WHERE Variable_name IN {names}"))

    assert rows == {
        "innodb_flush_log_at_trx_commit": "1",
        "time_zone": "+00:00",
        "local_infile": "ON",
        "collation_server": "utf8mb4_bin",
        "max_allowed_packet": str(64 * 1024 * 1024),
    }
    assert ask(stack, "SELECT 'Côte' = 'Cote', 'RES1' = 'res1'") == [(0, 0)]


def test_servers_listen_on_this_machine_only(stack: Settings) -> None:
    listening = {
        connection.laddr.ip
        for pid in pids(status(stack))
        for connection in psutil.Process(pid).net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }

    assert listening <= {"127.0.0.1", "::ffff:127.0.0.1"}


def test_every_contract_has_its_topic(stack: Settings) -> None:
    topics = AdminClient({"bootstrap.servers": stack.kafka.bootstrap_servers}).list_topics(timeout=10).topics

    assert {"readings.balance", "readings.consumption_inf36", "readings.consumption_sup36"} <= set(topics)
    assert len(topics["readings.balance"].partitions) == 4


# -- each with stacks of its own


def test_data_survives_down_and_up_and_no_process_is_left(tmp_path: Path) -> None:
    home = tmp_path / "un été, à l'abri"  # spaces and accents in the path
    with a_stack(home):
        settings = load_settings(home=home)
        ask(settings, "CREATE TABLE kept (name VARCHAR(40) PRIMARY KEY)")
        ask(settings, "INSERT INTO kept VALUES ('Nouvelle Aquitaine')", "writer")
        produce(settings, "kept", b"one record")
        with MongoClient(settings.mongo.uri) as mongo:
            mongo["courant"]["kept"].insert_one({"_id": 1})

        assert set(down(settings)) == {"kafka", "mysql", "mongo"}
        assert processes_with(str(home)) == []
        assert states(status(settings)) == {"stopped"}

        again = up(load_settings(home=home))
        assert states(again) == {"running"}
        assert load_settings(home=home) == settings  # the same ports, the same passwords
        assert ask(settings, "SELECT name FROM kept", "reader") == [("Nouvelle Aquitaine",)]
        assert log_end(settings, "kept") == 1
        with MongoClient(settings.mongo.uri) as mongo:
            assert list(mongo["courant"]["kept"].find()) == [{"_id": 1}]
    assert processes_with(str(home)) == []


def test_killed_servers_and_stale_pid_files_heal_at_the_next_up(tmp_path: Path) -> None:
    home = tmp_path
    with a_stack(home) as first:
        settings = load_settings(home=home)
        ask(settings, "CREATE TABLE kept (id INT PRIMARY KEY)")
        ask(settings, "INSERT INTO kept VALUES (1)", "writer")
        kill(pids(first))
        assert states(status(settings)) == {"stopped"}
        # The kernel gave a dead server's pid to somebody else: to this test.
        record = home / "run" / "mysql.json"
        record.write_text(json.dumps(json.loads(record.read_text()) | {"pid": os.getpid()}))
        assert status(settings).services["mysql"].pid is None

        again = up(settings)

        assert set(again.started) == {"kafka", "mysql", "mongo"}
        assert states(again) == {"running"}
        assert ask(settings, "SELECT id FROM kept", "reader") == [(1,)]

        # A killed `up` left a server without its record: it is taken down before another one starts.
        lost = again.services["kafka"].pid
        (home / "run" / "kafka.json").unlink()
        healed = up(settings)
        assert healed.started == ("kafka",)
        assert not psutil.pid_exists(lost) or psutil.Process(lost).status() == psutil.STATUS_ZOMBIE


def test_a_first_start_that_was_killed_heals(tmp_path: Path) -> None:
    for name in ("kafka", "mysql"):
        half = tmp_path / "data" / f".{name}.new"
        half.mkdir(parents=True)
        (half / "ibdata1").write_bytes(b"half of a file")

    with a_stack(tmp_path) as status_:
        assert states(status_) == {"running"}


def test_two_homes_run_side_by_side(stack: Settings, tmp_path: Path) -> None:
    first = status(stack)
    with a_stack(tmp_path) as second:
        assert states(first) == states(second) == {"running"}
        assert not pids(first) & pids(second)
        other = load_settings(home=tmp_path)
        assert len({stack.mysql.port, other.mysql.port, stack.mongo.uri, other.mongo.uri}) == 4
        with pytest.raises(pymysql.err.OperationalError, match="denied"):  # passwords of the first
            ask(
                stack.model_copy(update={"mysql": stack.mysql.model_copy(update={"port": other.mysql.port})}),
                "SELECT 1",
            )
    assert pids(status(stack)) == pids(first)


def test_two_ups_at_once_make_one_stack(tmp_path: Path) -> None:
    try:
        environment = os.environ | {"COURANT_HOME": str(tmp_path)}
        ups = [
            subprocess.Popen([COURANT, "up"], env=environment, stderr=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        told = [process.communicate(timeout=120)[1] for process in ups]

        assert [process.returncode for process in ups] == [0, 0]
        assert sum("up already" in text for text in told) == 1
        assert len(processes_with(str(tmp_path))) == 3
    finally:
        down(load_settings(home=tmp_path))


def test_a_port_that_is_set_is_taken_and_named_when_it_is_not_free(tmp_path: Path) -> None:
    (wished,) = free_ports(1)
    settings = load_settings(home=tmp_path, mysql={"port": wished})
    with socket.socket() as other:
        other.bind(("127.0.0.1", wished))
        other.listen()
        with pytest.raises(PortInUseError, match=rf"Port {wished}, set for mysql, .*\(pid {os.getpid()}\)"):
            up(settings)
        refused = courant(tmp_path, "up", COURANT_MYSQL_PORT=str(wished))
        assert refused.returncode == 14
        assert "What to do:" in refused.stderr
        assert "COURANT_MYSQL_PORT" in refused.stderr
        assert processes_with(str(tmp_path)) == []

    with a_stack_of(settings) as running:
        assert running.services["mysql"].address["port"] == wished


def test_another_password_file_is_refused_and_can_be_made_good(tmp_path: Path) -> None:
    with a_stack(tmp_path):
        down(load_settings(home=tmp_path))
        secrets_file(tmp_path).unlink()

        with pytest.raises(AccessDeniedError, match="refuses the password") as refusal:
            up(load_settings(home=tmp_path))
        assert "--reset-passwords" in refusal.value.remedy
        assert processes_with(str(tmp_path)) == []  # what a failed `up` started, it stops

        up(load_settings(home=tmp_path), reset_passwords=True)
        assert ask(load_settings(home=tmp_path), "SELECT 1", "reader") == [(1,)]


def test_a_starting_mysql_leaves_the_temporary_tables_of_another_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    common = tmp_path / "tmp"
    common.mkdir()
    theirs = common / "#sql-temptable-4823-1-4.MAI"  # a starting server deletes these in its temporary folder
    theirs.touch()
    monkeypatch.setenv("TMPDIR", str(common))
    settings = load_settings(home=tmp_path / "home")

    up(settings)
    down(settings)

    assert theirs.exists()


def test_a_server_that_ends_while_it_starts_shows_its_log(tmp_path: Path) -> None:
    (tmp_path / "data" / "mysql").mkdir(parents=True)
    (tmp_path / "data" / "mysql" / "ibdata1").write_bytes(b"not a tablespace")

    with pytest.raises(CourantError, match="mysql ended while it started") as failure:
        up(load_settings(home=tmp_path))

    assert "InnoDB" in failure.value.message
    assert str(launch.log_of(tmp_path, "mysql")) in failure.value.remedy
    assert processes_with(str(tmp_path)) == []


@pytest.mark.parametrize("kind", [KafkaServer, MariaDBServer, MongoServer])
def test_a_port_that_is_taken_meanwhile_is_left_for_another_one(
    kind: type[KafkaServer | MariaDBServer | MongoServer], tmp_path: Path, taken_port: int
) -> None:
    server = kind(with_passwords(load_settings(home=tmp_path)), taken_port)
    try:
        with pytest.raises(PortInUseError, match=f"Port {taken_port}"):
            launch.start(tmp_path, server, silent, given_up=Event(), may_move=False)

        moved = launch.start(tmp_path, server, silent, given_up=Event(), may_move=True)

        assert moved.port != taken_port
        moved.check_answers()
    finally:
        launch.stop_all(tmp_path, [server])
    assert processes_with(str(tmp_path)) == []


@contextmanager
def a_stack_of(settings: Settings) -> Iterator[StackStatus]:
    try:
        yield up(settings)
    finally:
        down(settings)


def produce(settings: Settings, topic: str, value: bytes) -> None:
    admin = AdminClient({"bootstrap.servers": settings.kafka.bootstrap_servers})
    admin.create_topics([NewTopic(topic, 1)])[topic].result(timeout=30)
    producer = Producer({"bootstrap.servers": settings.kafka.bootstrap_servers, "acks": "all"})
    producer.produce(topic, value)
    assert producer.flush(30) == 0


def log_end(settings: Settings, topic: str) -> int:
    consumer = Consumer({"bootstrap.servers": settings.kafka.bootstrap_servers, "group.id": "test"})
    try:
        return consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=30)[1]
    finally:
        consumer.close()


def test_a_cluster_id_that_begins_with_a_dash_is_still_an_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("courant.local.kafka.uuid.uuid4", lambda: uuid.UUID(bytes=b"\xf8" + bytes(15)))

    KafkaServer(load_settings(home=tmp_path), port=1).prepare()

    stored = next(tmp_path.rglob("meta.properties")).read_text()
    assert "cluster.id=-AAAAAAAAAAAAAAAAAAAAA" in stored
