"""A stack for one measurement, in a temporary home, and an empty copy of the tables for each competitor."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pymysql.err import ProgrammingError
from rich.console import Console

from courant.domain.contract import Contract
from courant.local import stack
from courant.local.accounts import account_statements
from courant.local.jars import pyspark_jar
from courant.local.java import java_command
from courant.settings import Settings, load_settings
from courant.start import start_stack
from courant.stores.mysql.connection import connect, query
from courant.stores.mysql.schema import create_tables

BENCH = Path(__file__).resolve().parent
JARS = BENCH / ".jars"
_SETTLED_PAGES = 100
_SETTLE_WITHIN_S = 60
_NO_SUCH_TABLE = 1146


@contextmanager
def bench_stack(console: Console) -> Iterator[Settings]:
    """Give the settings of a running stack that vanishes, with all its data, at the end."""
    for name in [name for name in os.environ if name.startswith("COURANT_")]:
        del os.environ[name]  # the caller's stack must not be the one that is measured
    home = Path(tempfile.mkdtemp(prefix="courant-bench-"))
    settings = load_settings(home=home)
    try:
        with console.status(f"starting a stack in {home}"):
            settings, _ = start_stack(settings)
        yield settings
    finally:
        stack.down(load_settings(home=home))
        shutil.rmtree(home, ignore_errors=True)


def with_own_sinks(settings: Settings, name: str) -> Settings:
    """Give settings whose database and lake are empty and belong to one competitor alone."""
    lake = settings.home / f"lake_{name}"
    shutil.rmtree(lake, ignore_errors=True)
    own = settings.model_copy(
        update={
            "mysql": settings.mysql.model_copy(update={"database": name}),
            "lake": settings.lake.model_copy(update={"root": lake}),
        }
    )
    _run_as_root(settings, [f"DROP DATABASE IF EXISTS `{name}`", *account_statements(own)])
    return own


def in_four_batches(settings: Settings, rows: int) -> Settings:
    """Give settings with which a short trial has as many batches as the million: the first is the warm-up."""
    size = min(settings.ingest.max_offsets_per_trigger, max(rows // 4, 1))
    return settings.model_copy(
        update={"ingest": settings.ingest.model_copy(update={"max_offsets_per_trigger": size})}
    )


def environment(settings: Settings) -> dict[str, str]:
    """Give the environment in which another process loads these settings."""
    return {
        "COURANT_HOME": str(settings.home),
        "COURANT_MYSQL_DATABASE": settings.mysql.database,
        "COURANT_LAKE_ROOT": str(settings.lake.root),
        "COURANT_INGEST_MAX_OFFSETS_PER_TRIGGER": str(settings.ingest.max_offsets_per_trigger),
    }


def copy_tables(settings: Settings, contract: Contract, *, members_from: str) -> None:
    """Make the contract's tables and foreign keys; the fact is empty, the dimensions come from a database."""
    owner = connect(settings, "owner")
    create_tables(owner, contract)
    owner.close()
    tables = [dimension.table for dimension in contract.dimensions]
    own = settings.mysql.database
    _run_as_root(
        settings, [f"INSERT INTO `{own}`.`{t}` SELECT * FROM `{members_from}`.`{t}`" for t in tables]
    )


def drop_sinks(settings: Settings) -> None:
    """Remove a competitor's database and lake."""
    _run_as_root(settings, [f"DROP DATABASE IF EXISTS `{settings.mysql.database}`"])
    shutil.rmtree(settings.lake.root, ignore_errors=True)


def settle(settings: Settings) -> None:
    """Wait until the server has written what earlier loads left dirty, so that nobody pays for another."""
    root = connect(settings, "root", database="mysql")
    try:
        before = query(root, "SELECT @@innodb_max_dirty_pages_pct AS pct")[0]["pct"]
        query(root, "SET GLOBAL innodb_max_dirty_pages_pct = 0")
        until = time.monotonic() + _SETTLE_WITHIN_S
        while _dirty_pages(root) > _SETTLED_PAGES and time.monotonic() < until:
            time.sleep(0.2)
        query(root, "SET GLOBAL innodb_max_dirty_pages_pct = %s", (before,))
    finally:
        root.close()


def ask(settings: Settings, sql: str) -> list[dict[str, object]]:
    """Query as the reader; no rows while the tables are not there yet."""
    reader = connect(settings, "reader")
    try:
        return query(reader, sql)
    except ProgrammingError as error:
        if error.args[0] != _NO_SUCH_TABLE:
            raise
        return []
    finally:
        reader.close()


def jars_of(conf: str) -> list[Path]:
    """List the artifacts of one conf of bench/ivy.xml; empty while they were not retrieved."""
    return sorted((JARS / conf).glob("*.jar"))


def retrieve_jars(console: Console, confs: Iterable[str]) -> None:
    """Retrieve these confs of bench/ivy.xml where they are missing."""
    missing = sorted({conf for conf in confs if not jars_of(conf)})
    if missing:
        command = [
            *java_command(), "-jar", str(pyspark_jar("ivy")), "-ivy", str(BENCH / "ivy.xml"),
            "-confs", *missing, "-cache", str(JARS / ".ivy"),
            "-retrieve", f"{JARS}/[conf]/[artifact]-[revision].[ext]",
        ]  # fmt: skip
        with console.status(f"retrieving {', '.join(missing)} of bench/ivy.xml"):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"Ivy could not retrieve bench/ivy.xml:\n{done.stdout[-2000:]}")


def _dirty_pages(connection) -> int:
    rows = query(connection, "SHOW GLOBAL STATUS LIKE 'Innodb_buffer_pool_pages_dirty'")
    return int(rows[0]["Value"])


def _run_as_root(settings: Settings, statements: list[str]) -> None:
    root = connect(settings, "root", database="mysql")
    try:
        with root.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        root.commit()
    finally:
        root.close()
