"""A pid alone proves nothing: who a server process is, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from courant.local import process
from courant.local.process import ProcessRecord

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("ready", flush=True)
time.sleep(60)
"""


def started(tmp_path: Path, command: list[str] = SLEEPER) -> int:
    return process.start(command, home=tmp_path, log=tmp_path / "logs" / "it.log")[0]


def record_of(pid: int) -> ProcessRecord:
    return ProcessRecord(pid, process.identity(pid) or "", 1234)


def test_a_record_is_read_while_its_process_lives(tmp_path: Path) -> None:
    pid = started(tmp_path)
    path = tmp_path / "run" / "it.json"

    process.write_record(path, record_of(pid))
    assert process.read_record(path) == record_of(pid)

    process.stop([pid], patience_s=5)
    assert process.read_record(path) is None
    assert process.identity(pid) is None


def test_another_process_with_the_same_pid_is_not_the_server(tmp_path: Path) -> None:
    path = tmp_path / "it.json"
    process.write_record(path, ProcessRecord(os.getpid(), "another boot/123", 1234))

    assert process.read_record(path) is None


@pytest.mark.parametrize("text", ["", "12345", "[]", '{"pid": 1}', "half of a re"])
def test_a_broken_record_is_no_record(tmp_path: Path, text: str) -> None:
    path = tmp_path / "it.json"
    path.write_text(text)

    assert process.read_record(path) is None


def test_a_zombie_is_not_alive(tmp_path: Path) -> None:
    pid = started(tmp_path)
    identity = process.identity(pid)
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # dead, and not yet reaped

    assert identity is not None
    assert process.identity(pid) is None


def test_a_server_does_not_get_our_passwords(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURANT_MYSQL_ROOT_PASSWORD", "hidden")
    pid = started(tmp_path, [sys.executable, "-c", "import os; print(sorted(os.environ))"])
    psutil.wait_procs([psutil.Process(pid)], timeout=10)

    log = (tmp_path / "logs" / "it.log").read_text()
    assert "PATH" in log
    assert "COURANT" not in log


def test_a_stubborn_server_is_killed_with_its_children(tmp_path: Path) -> None:
    pid = started(tmp_path, [sys.executable, "-c", STUBBORN])
    log = tmp_path / "logs" / "it.log"
    while "ready" not in log.read_text():
        assert process.identity(pid)
    (child,) = psutil.Process(pid).children()

    process.stop([pid], patience_s=0.2)

    assert process.identity(pid) is None
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_a_process_is_found_by_an_argument_that_only_it_has(tmp_path: Path) -> None:
    argument = str(tmp_path / "data")
    assert process.find_by_argument(argument) == []

    pid = started(tmp_path, [*SLEEPER, argument])
    try:
        assert process.find_by_argument(argument) == [pid]
        assert process.find_by_argument(argument[:-1]) == []
    finally:
        process.stop([pid], patience_s=5)


def test_a_server_outlives_the_command_that_started_it(tmp_path: Path) -> None:
    code = f"""
from pathlib import Path
from courant.local import process
home = Path({str(tmp_path)!r})
print(process.start({SLEEPER!r}, home=home, log=home / "it.log")[0])
"""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", code], capture_output=True, text=True, check=True
    )

    pid = json.loads(done.stdout)
    assert done.stderr == ""
    assert process.identity(pid)
    process.stop([pid], patience_s=5)
    assert process.identity(pid) is None
