"""Who else is measured, and how each is run: a process of its own that reports its commits."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from figures import Commit, Measured, steady_rate
from pymysql.cursors import SSCursor
from servers import BENCH, JARS, environment, jars_of

from courant.session import jars, submit_command, submit_environment
from courant.settings import Settings
from courant.stores.mysql.connection import connect


@dataclass(frozen=True, slots=True)
class Competitor:
    """One row of the table."""

    name: str
    label: str
    rows: int | None = None  # it stops after so many; None: it takes all
    target: str = ""  # the ratio that ours is built for
    needs_tables: bool = True
    spark_arguments: tuple[str, ...] | None = None  # None: plain Python
    script: str = ""
    is_one_commit: bool = False
    jars: tuple[str, ...] = ()  # the confs of bench/ivy.xml that it needs


PEERS = (
    Competitor(
        "kafka_python_pymysql",
        "kafka-python + PyMySQL executemany, MySQL only",
        rows=100_000,
        target="≥ 5.5",
    ),
    Competitor(
        "confluent_pymysql",
        "confluent-kafka + PyMySQL executemany, MySQL only",
        rows=250_000,
        target="≥ 2.2",
    ),
    Competitor(
        "plain_spark",
        "plain Spark: write.jdbc + Delta append per batch",
        target="≥ 4.5",
        spark_arguments=(),
        jars=("jdbc",),
    ),
    Competitor(
        "kafka_connect",
        "Kafka Connect with Debezium's JDBC sink, upsert, MySQL only",
        rows=1_000_000,
        target="≥ 4",
        needs_tables=False,
        jars=("connect", "debezium"),
    ),
    Competitor(
        "load_data",
        "LOAD DATA LOCAL, typed rows, MySQL only",
        target="≥ 0.5",
        is_one_commit=True,
    ),
)
LIMITS = tuple(
    Competitor(name, label, needs_tables=False, spark_arguments=(name,), script="limits")
    for name, label in (
        ("kafka_read", "limit: Spark reads and discards"),
        ("parse", "limit: Spark reads and makes the lines that MySQL loads"),
        ("bronze", "limit: bronze alone"),
    )
)


def run(
    competitor: Competitor,
    settings: Settings,
    rows: int,
    *,
    warm_up: float,
    on_progress: Callable[[int], None],
) -> Measured:
    """Run one competitor on its own empty sinks and read its commits."""
    log = settings.home / f"{competitor.name}.log"
    started, commits = time.time(), []
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            _command(competitor, settings, rows),
            env=_environment(competitor, settings),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        for line in process.stdout or ():
            if line.startswith("commit "):
                _, at_s, total = line.split()
                commits.append(Commit(float(at_s), int(total)))
                on_progress(int(total))
            else:  # a Spark job's traceback comes this way
                errors.write(line.encode())
    found = int(commits[-1].rows) if commits else 0
    if process.returncode or found < rows:
        tail = log.read_text(errors="replace")[-3000:]
        raise SystemExit(
            f"{competitor.name} ended with {process.returncode} after {found} of {rows} rows\n{tail}"
        )
    rate = steady_rate(commits, share=0 if competitor.is_one_commit else warm_up)
    return Measured(found, rate, time.time() - started, f"{len(commits)} commits")


def write_rows_file(settings: Settings, columns: list[str], path: Path) -> None:
    """Write our fact as LOAD DATA takes it, in the order in which a consumer sees the records."""
    listed = ", ".join(f"`{column}`" for column in columns)
    connection = connect(settings, "reader")
    with connection.cursor(SSCursor) as cursor, path.open("w", encoding="utf-8") as file:
        cursor.execute(f"SELECT {listed} FROM consumption ORDER BY source_offset, source_partition")
        for row in cursor:
            file.write("\t".join(map(_text, row)) + "\n")
    connection.close()


def rows_file(settings: Settings) -> Path:
    """Give the place of that file."""
    return settings.home / "rows.tsv"


def _text(value: object) -> str:
    if value is None:
        return "\\N"
    return value.isoformat(" ") if isinstance(value, datetime) else str(value)


def _command(competitor: Competitor, settings: Settings, rows: int) -> list[str]:
    script = Path("bench") / "peers" / f"{competitor.script or competitor.name}.py"
    arguments = [*(competitor.spark_arguments or ()), "--rows", str(rows)]
    if competitor.spark_arguments is None:
        return [sys.executable, str(BENCH.parent / script), *arguments]
    command = submit_command(settings, str(script), arguments, properties="spark-ingest.conf")
    command[command.index("--jars") + 1] = ",".join(map(str, [*jars(), *jars_of("jdbc")]))
    return command


def _environment(competitor: Competitor, settings: Settings) -> dict[str, str]:
    base = os.environ if competitor.spark_arguments is None else submit_environment()
    return {
        **base,
        **environment(settings),
        "BENCH_ROWS_FILE": str(rows_file(settings)),
        "BENCH_JARS": str(JARS),
    }
