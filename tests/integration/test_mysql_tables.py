"""The tables that a contract makes in the real server, and the transaction that fills them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pymysql
import pytest
from ingesting import CONTRACTS, ask, own_sinks

from courant.domain.contract import Contract
from courant.errors import AnotherWriterError, SchemaConflictError
from courant.ingest.application import fact_target, reject_target
from courant.settings import Settings
from courant.stores.mysql.connection import LoadConnection, connect, session
from courant.stores.mysql.migrate import upgrade
from courant.stores.mysql.positions import Epoch, add_epoch
from courant.stores.mysql.schema import create_tables
from courant.stores.mysql.sink import MySQLSink

CONSUMPTION, BALANCE = CONTRACTS["consumption_inf36"], CONTRACTS["balance"]
EPOCH = Epoch(0, "topic-1")


@pytest.fixture(scope="module")
def tables(stack: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Give a database with the tables of all contracts, made twice."""
    settings = own_sinks(stack, "tables", tmp_path_factory.mktemp("tables"), wait_for_server_s=2)
    for _ in range(2):
        make(settings, *CONTRACTS.values())
    return settings


def make(settings: Settings, *contracts: Contract) -> None:
    upgrade(settings)
    with session(settings, "owner") as connection:
        for contract in contracts:
            create_tables(connection, contract)


def test_the_tables_and_views_are_those_of_the_design(tables: Settings) -> None:
    rows = ask(
        tables,
        "SELECT table_type, table_name FROM information_schema.tables WHERE table_schema = DATABASE()",
        account="owner",
    )
    assert {name for kind, name in rows if kind == "BASE TABLE"} == {
        "alembic_version", "alert", "alert_position", "alert_standing", "alert_unread",
            "balance", "consumption", "day_change", "drift", "forecast", "forecast_score",
        "ingest_batch", "ingest_offset",
        "power_range", "profile", "region", "reject", "sector", "segment", "topic_epoch",
    }  # fmt: skip
    assert {name for kind, name in rows if kind == "VIEW"} == {
        "v_balance", "v_balance_half_hour", "v_consumption", "v_consumption_half_hour",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("table", "key"),
    [("consumption", ["slot_start_utc", "region_code", "segment_id"]), ("balance", ["slot_start_utc"])],
)
def test_the_facts_key_is_the_natural_key(tables: Settings, table: str, key: list[str]) -> None:
    rows = ask(
        tables,
        "SELECT column_name FROM information_schema.key_column_usage WHERE table_schema = DATABASE()"
        " AND table_name = %s AND constraint_name = 'PRIMARY' ORDER BY ordinal_position",
        (table,),
        account="owner",
    )
    assert [name for (name,) in rows] == key


def test_tools_find_the_relations(tables: Settings) -> None:
    rows = ask(
        tables,
        "SELECT table_name, referenced_table_name FROM information_schema.key_column_usage"
        " WHERE table_schema = DATABASE() AND referenced_table_name IS NOT NULL",
        account="owner",
    )
    assert set(rows) == {
        ("consumption", "region"), ("consumption", "segment"),
        ("segment", "profile"), ("segment", "power_range"), ("segment", "sector"),
    }  # fmt: skip


def test_the_view_has_one_column_per_field_of_the_contract_under_its_name(tables: Settings) -> None:
    rows = ask(
        tables,
        "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE()"
        " AND table_name = 'v_balance' ORDER BY ordinal_position",
        account="owner",
    )
    assert [name for (name,) in rows] == ["slot_start_utc", *[field.name for field in BALANCE.fields[1:]]]


def test_the_reader_reads_every_view_and_writes_nothing(tables: Settings) -> None:
    assert ask(tables, "SELECT COUNT(*) FROM v_consumption") == [(0,)]
    assert ask(tables, "SELECT COUNT(*) FROM v_balance") == [(0,)]
    with pytest.raises(pymysql.err.OperationalError, match="denied"):
        ask(tables, "DELETE FROM reject")


def test_a_field_that_a_contract_gains_becomes_a_column(stack: Settings, tmp_path: Path) -> None:
    settings = own_sinks(stack, "gained", tmp_path)
    gained = replace(BALANCE.field("pertes"), name="pertes_techniques", column="pertes_techniques", labels=())
    make(settings, BALANCE)

    make(settings, replace(BALANCE, fields=(*BALANCE.fields, gained), version="1.1.0"))

    ask(settings, "SELECT pertes_techniques FROM v_balance")
    make(settings, BALANCE)  # an older contract still reads
    ask(settings, "SELECT pertes, pertes_techniques FROM balance")


def test_a_changed_type_is_refused_and_changes_nothing(stack: Settings, tmp_path: Path) -> None:
    settings = own_sinks(stack, "changed", tmp_path)
    make(settings, BALANCE)
    fields = tuple(replace(f, sql_type="INT") if f.name == "pertes" else f for f in BALANCE.fields)

    with pytest.raises(SchemaConflictError, match=r"balance\.pertes as int, but the table has bigint"):
        make(settings, replace(BALANCE, fields=fields))

    with pytest.raises(SchemaConflictError) as refusal:
        make(settings, replace(BALANCE, fields=fields))
    assert refusal.value.exit_code == 24


# -- the transaction


class NoSecondLook:
    """A data set without dimensions whose values the database takes needs no second look."""

    def members(self) -> dict[str, list[tuple[Any, ...]]]:
        raise AssertionError

    def reject_lines(self, positions: list[tuple[int, int]], rule: str) -> pa.ChunkedArray:
        return pa.chunked_array(
            [[f"{p}\t{o}\t2026-01-01 00:00:00.000\t\\N\t7B\t{rule}\n" for p, o in positions]], pa.string()
        )


LOOK = NoSecondLook()


def fact(offset: int, hour: int, total: int | str) -> tuple[int, int, str | None, str | None]:
    blank = "\t".join(["\\N"] * 4)
    rest = "\t".join(["\\N"] * (len(BALANCE.fields) - 6))
    return (0, offset, f"2026-01-01 {hour:02}:00:00\t{blank}\t{total}\t{rest}\t0\t0\t{offset}\n", None)


def reject(offset: int) -> tuple[int, int, str | None, str | None]:
    return (0, offset, None, f"0\t{offset}\t2026-01-01 00:00:00.000\t\\N\t7B\tjson\n")


def batch(*rows: tuple[int, int, str | None, str | None]) -> pa.Table:
    partitions, offsets, facts, rejects = zip(*rows, strict=True)
    return pa.table(
        {
            "_partition": pa.array(partitions, pa.int32()),
            "_offset": pa.array(offsets, pa.int64()),
            "_timestamp_ms": pa.array([0] * len(rows), pa.int64()),
            "_fact_line": pa.array(facts, pa.string()),
            "_reject_line": pa.array(rejects, pa.string()),
            "_warnings": pa.array([0] * len(rows), pa.int64()),
            "_member": pa.array([0] * len(rows), pa.int64()),
        }
    )


def sink(settings: Settings, at: int = 0) -> MySQLSink:
    return MySQLSink(
        settings=settings,
        contract=BALANCE,
        epoch=EPOCH,
        run_id="test",
        positions={0: at},
        facts=fact_target(BALANCE),
        rejects=reject_target(BALANCE, EPOCH),
        warning_names=(),
    )


@pytest.fixture
def fresh(tables: Settings) -> Iterator[Settings]:
    """Give the tables empty, with the topic's position at 0."""
    for table in ("balance", "reject", "ingest_batch", "ingest_offset", "topic_epoch"):
        ask(tables, f"DELETE FROM {table}", account="owner")
    with session(tables, "writer") as connection:
        add_epoch(connection, "balance", EPOCH, {0: 0})
        connection.commit()
    yield tables


def state(settings: Settings) -> dict[str, Any]:
    return {
        "facts": dict(ask(settings, "SELECT HOUR(slot_start_utc), consommation_totale FROM balance")),
        "rejects": dict(ask(settings, "SELECT record_offset, rules FROM reject")),
        "position": ask(settings, "SELECT next_offset FROM ingest_offset")[0][0],
        "batches": ask(
            settings, "SELECT rows_in, accepted, rejected FROM ingest_batch ORDER BY ingest_batch_id"
        ),
    }


def test_one_batch_moves_everything_at_once(fresh: Settings) -> None:
    writer = sink(fresh)
    writer.write(batch(fact(0, 1, 10), reject(1), fact(2, 1, 11), fact(4, 2, 20)), 0, LOOK)
    writer.close()

    assert state(fresh) == {
        "facts": {1: 11, 2: 20},
        "rejects": {1: "json"},
        "position": 5,
        "batches": [(4, 3, 1)],
    }


def test_the_same_batch_twice_changes_nothing(fresh: Settings) -> None:
    rows = batch(fact(0, 1, 10), reject(1))
    writer = sink(fresh)
    writer.write(rows, 0, LOOK)
    before = state(fresh)

    writer.write(rows, 0, LOOK)

    assert state(fresh) == before
    writer.close()


def test_a_commit_whose_answer_was_lost_is_not_made_again(
    fresh: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, lost = MySQLSink._commit, iter([True, False])

    def commit_and_lose_the_answer(self: MySQLSink, connection: LoadConnection) -> None:
        commit(self, connection)
        if next(lost):
            raise pymysql.err.OperationalError(2013, "Lost connection to MySQL server during query")

    monkeypatch.setattr(MySQLSink, "_commit", commit_and_lose_the_answer)
    writer = sink(fresh)
    writer.write(batch(fact(0, 1, 10), reject(1)), 0, LOOK)
    writer.write(batch(fact(2, 2, 20)), 1, LOOK)
    writer.close()

    assert state(fresh)["facts"] == {1: 10, 2: 20}
    assert state(fresh)["batches"] == [(2, 1, 1), (1, 1, 0)]


def test_a_second_writer_with_the_very_same_batch_is_still_another(fresh: Settings) -> None:
    first, second = sink(fresh), sink(fresh)
    first.write(batch(fact(0, 1, 10)), 0, LOOK)

    with pytest.raises(AnotherWriterError, match=r"expected at \{0: 0\} but is at \{0: 1\}"):
        second.write(batch(fact(0, 1, 10)), 0, LOOK)
    first.close()
    second.close()


def test_rows_below_the_position_are_dropped(fresh: Settings) -> None:
    writer = sink(fresh)
    writer.write(batch(fact(0, 1, 10), fact(1, 2, 20)), 0, LOOK)
    writer.write(batch(fact(0, 1, 99), fact(1, 2, 99), fact(2, 3, 30)), 1, LOOK)
    writer.close()

    assert state(fresh)["facts"] == {1: 10, 2: 20, 3: 30}
    assert state(fresh)["batches"] == [(2, 2, 0), (1, 1, 0)]


def test_a_second_writer_stops_the_one_that_comes_later(fresh: Settings) -> None:
    first, second = sink(fresh), sink(fresh)
    first.write(batch(fact(0, 1, 10)), 0, LOOK)
    before = state(fresh)

    with pytest.raises(AnotherWriterError, match="another ingest writes to it"):
        second.write(batch(fact(0, 1, 66), fact(1, 2, 66)), 0, LOOK)

    assert state(fresh) == before
    first.write(batch(fact(1, 2, 20)), 1, LOOK)
    assert state(fresh)["facts"] == {1: 10, 2: 20}
    first.close()
    second.close()


def test_a_lock_that_is_not_given_in_time_is_asked_for_again(fresh: Settings) -> None:
    writer = sink(fresh)
    attempts = impatient(writer)
    with closing(connect(fresh, "owner")) as other, other.cursor() as cursor:
        cursor.execute("SELECT next_offset FROM ingest_offset FOR UPDATE")
        release = threading.Timer(1.5, other.commit)
        release.start()
        writer.write(batch(fact(0, 1, 10)), 0, LOOK)
        release.join()
    writer.close()

    assert len(attempts) > 1
    assert state(fresh)["facts"] == {1: 10}
    assert state(fresh)["batches"] == [(1, 1, 0)]


def impatient(writer: MySQLSink) -> list[int]:
    """Make each session of the sink give up a lock after a second instead of fifty; gives its attempts."""
    connected, attempts = MySQLSink._connected, []

    def connect_impatiently(self: MySQLSink) -> Any:
        connection = connected(self)
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION innodb_lock_wait_timeout = 1")
        attempts.append(1)
        return connection

    writer.__class__ = type(
        "ImpatientSink", (MySQLSink,), {"__slots__": (), "_connected": connect_impatiently}
    )
    return attempts


def test_what_the_database_refuses_is_found_among_a_thousand(fresh: Settings) -> None:
    rows = [fact(n, n % 24, n) for n in range(1_000)]
    rows[0], rows[617], rows[999] = (fact(n, 23, "9" * 30) for n in (0, 617, 999))
    writer = sink(fresh)
    writer.write(batch(*rows), 0, LOOK)
    writer.close()

    assert state(fresh)["rejects"] == dict.fromkeys((0, 617, 999), "mysql:1264")
    assert state(fresh)["facts"] == {hour: max(n for n in range(999) if n % 24 == hour) for hour in range(24)}
    assert state(fresh)["batches"] == [(1_000, 997, 3)]


def test_a_text_where_a_number_belongs_is_refused_and_never_made_zero(fresh: Settings) -> None:
    writer = sink(fresh)
    writer.write(batch(fact(0, 1, "beaucoup"), fact(1, 2, ""), fact(2, 3, 30)), 0, LOOK)
    writer.close()

    assert state(fresh)["rejects"] == {0: "mysql:1366", 1: "mysql:1366"}
    assert state(fresh)["facts"] == {3: 30}


def test_a_server_that_forbids_local_infile_gets_the_same_rows(fresh: Settings) -> None:
    rows = batch(fact(0, 1, 10), fact(1, 2, "9" * 30), reject(2), fact(3, 1, 11))
    ask(fresh, "SET GLOBAL local_infile = 0", account="root")
    try:
        writer = sink(fresh)
        writer.write(rows, 0, LOOK)
        writer.close()
    finally:
        ask(fresh, "SET GLOBAL local_infile = 1", account="root")

    assert state(fresh) == {
        "facts": {1: 11},
        "rejects": {1: "mysql:1264", 2: "json"},
        "position": 4,
        "batches": [(4, 2, 2)],
    }


def test_a_load_sends_its_own_buffer_and_never_a_file(fresh: Settings, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("2026-01-01 00:00:00\n")
    target = replace(fact_target(BALANCE), columns=("slot_start_utc",))
    with session(fresh, "writer") as connection:
        sql = target.load_sql.replace("'batch'", f"'{secret}'")
        connection.load(sql, (), (b"2026-01-01 07:00:00\n",))
        with connection.cursor() as cursor, pytest.raises(pymysql.err.MySQLError, match="nobody offered"):
            cursor.execute(sql)
        with connection.cursor() as cursor:
            cursor.execute("SELECT DATE_FORMAT(slot_start_utc, '%H') FROM balance")
            assert cursor.fetchall() == (("07",),)
