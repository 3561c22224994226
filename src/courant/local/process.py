"""Server processes that outlive the command that starts them, known by pid and start time together."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

_LOG_KEPT_BYTES = 10_000_000


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """What HOME/run/NAME.json keeps of a started server."""

    pid: int
    identity: str  # of this process and no later one with the same pid
    port: int  # it was told to listen on


def start(command: list[str], *, home: Path, log: Path) -> tuple[int, int]:
    """Start a server in a session of its own; give its pid and where in the log (bytes) its output begins.

    The server gets none of our COURANT_* variables, which may hold passwords.
    """
    _rotate(log)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COURANT_")}
    with log.open("ab") as output:
        log_start = output.tell()
        process = subprocess.Popen(
            command,
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment | {"LC_ALL": "C.UTF-8"},  # else Java cannot open paths with accents
            start_new_session=True,
        )
    process.returncode = 0  # it outlives us on purpose: Popen need not warn of it
    return process.pid, log_start


def identity(pid: int) -> str | None:
    """Say which process this pid is now; None when there is none, or only a zombie of one.

    On Linux: the boot and the tick since then, which no change of the clock moves.
    """
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            _reap(pid)
            return None
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists():
            return f"{process.create_time():.2f}"
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{stat.read_text().rpartition(')')[2].split()[19]}"
    except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
        return None


def write_record(path: Path, record: ProcessRecord) -> None:
    """Keep a record, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(".new")
    scratch.write_text(json.dumps(asdict(record)))
    scratch.replace(path)


def read_record(path: Path) -> ProcessRecord | None:
    """Give the record of a server that still runs; None when it is absent, unreadable or stale."""
    try:
        record = ProcessRecord(**json.loads(path.read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return record if identity(record.pid) == record.identity else None


def listens(pid: int, port: int) -> bool:
    """Say whether this process, and no other one, listens on the port."""
    with contextlib.suppress(psutil.NoSuchProcess):
        connections = psutil.Process(pid).net_connections("tcp")
        return any(c.status == psutil.CONN_LISTEN and c.laddr[1:] == (port,) for c in connections)
    return False


def find_by_argument(argument: str) -> list[int]:
    """Find our own processes that were started with exactly this argument, by scanning all."""
    return [
        process.pid
        for process in psutil.process_iter(["cmdline", "uids", "status"])
        if argument in (process.info["cmdline"] or ())
        and process.info["status"] != psutil.STATUS_ZOMBIE
        and (process.info["uids"] is None or process.info["uids"].real == os.getuid())
    ]


def stop(pids: Iterable[int], *, patience_s: float) -> None:
    """End processes and their children: SIGTERM, and SIGKILL for what is left after ``patience_s``."""
    processes = [process for pid in pids for process in _tree(pid)]
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    _, left = psutil.wait_procs(processes, timeout=patience_s)
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, timeout=10)


def _tree(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _reap(pid: int) -> None:
    """Take the exit status of a child of ours, so that its zombie goes; another's is not ours to take."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _rotate(log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > _LOG_KEPT_BYTES:
        log.replace(log.with_suffix(".log.1"))
