"""Our ingest as a process, and what its two sinks say about when they got their rows."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

import psutil
from deltalake import DeltaTable
from figures import Commit, Measured, running_total, steady_rate_of_both
from records import DATASET
from servers import ask, environment

from courant.session import submit_command, submit_environment
from courant.settings import Settings

JOB = "jobs/streaming/ingest_readings.py"
_POLL_S = 1.0  # each look is a connection; it must not weigh
_STOP_WITHIN_S = 90


class Ingest:
    """A running ingest of the bench's data set; use it as a context."""

    def __init__(self, settings: Settings, *, drain: bool, job: str = JOB) -> None:
        self.job = job
        self.log = settings.home / f"ingest_{settings.mysql.database}.log"
        arguments = ["--dataset", DATASET, *(["--drain"] if drain else [])]
        self._output = self.log.open("wb")
        self.process = subprocess.Popen(
            submit_command(settings, job, arguments, properties="spark-ingest.conf"),
            env=submit_environment() | environment(settings),
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )

    def __enter__(self) -> Ingest:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()
        self._output.close()

    def check(self) -> bool:
        """Tell whether it still runs; end the bench with its log when it failed."""
        code = self.process.poll()
        if code:
            raise SystemExit(f"the ingest ended with {code}:\n{self.log.read_text(errors='replace')[-4000:]}")
        return code is None

    def tree(self) -> list[psutil.Process]:
        """Give the JVM and the Python process of the driver, with all their children."""
        with suppress(psutil.NoSuchProcess):
            root = psutil.Process(self.process.pid)
            return [root, *root.children(recursive=True)]
        return []

    def stop(self) -> None:
        """Ask the Python side to finish, which ends the JVM; kill what stays."""
        processes = self.tree()
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                if any(self.job in argument for argument in process.cmdline()) and "python" in process.name():
                    process.terminate()
        _, alive = psutil.wait_procs(processes, timeout=_STOP_WITHIN_S)
        for process in alive:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait()


def drain(settings: Settings, rows: int, *, warm_up: float, on_progress: Callable[[int], None]) -> Measured:
    """Run the ingest from an empty start until both sinks have everything."""
    started = time.time()
    with Ingest(settings, drain=True) as ingest:
        while ingest.check():
            on_progress(mysql_rows(settings))
            time.sleep(_POLL_S)
    wall = time.time() - started
    on_progress(mysql_rows(settings))
    mysql, bronze = mysql_commits(settings), bronze_commits(settings)
    found = {"MySQL": mysql[-1].rows if mysql else 0, "bronze": bronze[-1].rows if bronze else 0}
    if set(found.values()) != {rows}:
        raise SystemExit(f"the topic has {rows} records but the sinks have {found}: no figure means anything")
    rate, note = steady_rate_of_both(mysql, bronze, share=warm_up)
    return Measured(rows, rate, wall, f"{note}; {len(mysql)} batches, {len(bronze)} bronze commits")


def mysql_rows(settings: Settings) -> int:
    """Count the rows that committed batches brought."""
    answer = ask(settings, "SELECT COALESCE(SUM(rows_in), 0) AS n FROM ingest_batch")
    return int(answer[0]["n"]) if answer else 0


def mysql_commits(settings: Settings) -> list[Commit]:
    """Read when each batch was committed, from the account that its own transaction wrote."""
    sql = "SELECT UNIX_TIMESTAMP(committed_at) AS at_s, rows_in FROM ingest_batch ORDER BY ingest_batch_id"
    return running_total([(float(row["at_s"]), int(row["rows_in"])) for row in ask(settings, sql)])


def bronze_commits(settings: Settings) -> list[Commit]:
    """Read when each bronze commit became visible: the time of its file in the Delta log."""
    table = bronze_path(settings)
    if not DeltaTable.is_deltatable(str(table)):
        return []
    writes = [
        log_file(table, one["version"]) for one in DeltaTable(table).history() if one["operation"] == "WRITE"
    ]
    return running_total([(log.stat().st_mtime, _added_rows(log)) for log in writes])


def _added_rows(log: Path) -> int:
    return sum(json.loads(file["stats"])["numRecords"] for file in _added(log))


def _added(log: Path) -> list[dict[str, str]]:
    """List the files that one commit adds, as its log describes them."""
    actions = map(json.loads, log.read_text().splitlines())
    return [action["add"] for action in actions if "add" in action]


def bronze_files(settings: Settings) -> list[tuple[float, Path]]:
    """Give each data file of bronze with the time at which its commit became visible."""
    table = bronze_path(settings)
    return [
        (log.stat().st_mtime, table / unquote(file["path"]))
        for log in sorted((table / "_delta_log").glob("*.json"))
        for file in _added(log)
    ]


def bronze_path(settings: Settings) -> Path:
    """Give the folder of the bronze table."""
    return settings.lake.root / "bronze" / DATASET


def log_file(table: Path, version: int) -> Path:
    """Give the file of one commit in a Delta log."""
    return table / "_delta_log" / f"{version:020d}.json"
