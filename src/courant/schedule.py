"""The schedule's own processes: Dagster's UI and its daemon, on this machine only, until Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import IO

from courant.errors import CourantError, JobError
from courant.local.ports import LOCALHOST, check_free, free_ports, is_free
from courant.local.process import stop
from courant.settings import PROJECT_ROOT, Settings

_DEFINITIONS = "orchestration.definitions"
_READY_WITHIN_S, _PATIENCE_S, _LOOK_EVERY_S = 120, 30, 0.3
Process = subprocess.Popen[bytes]
_ENDED = {"SUCCESS", "FAILURE", "CANCELED"}
_CONFIG = """\
# Written anew by each `courant schedule`. Records of runs lie beside it, in SQLite.
telemetry:
  enabled: false
nux:
  enabled: false
concurrency:
  runs:
    max_concurrent_runs: 1  # jobs share this machine's cores
retention:
  schedule:
    purge_after_days: 7
"""


def serve(settings: Settings, port: int, report: Callable[[str], None] = lambda _line: None) -> int:
    """Run the schedule and its UI on 127.0.0.1 until Ctrl-C or SIGTERM; then nothing that it started is left.

    Parameters
    ----------
    port
        Where the UI listens; 0 takes any free one.
    report
        Told the address, once the UI answers, and that it stops.

    Returns
    -------
    0 after Ctrl-C.

    Raises
    ------
    PortInUseError
        If something else listens on the port.
    JobError
        If a part of Dagster ends by itself, or its UI never answers.
    """
    chosen = check_free("schedule", port) if port else free_ports(1)[0]
    home, log = dagster_home(settings), settings.home / "logs" / "schedule.log"
    for folder in (home, log.parent):
        folder.mkdir(parents=True, exist_ok=True)
    (home / "dagster.yaml").write_text(_CONFIG, encoding="utf-8")
    forget_going_runs(home)
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    processes: list[Process] = []
    try:
        _start(settings, chosen, log, processes)
        report(f"The schedule runs; its UI is at http://{LOCALHOST}:{chosen} (Ctrl-C stops it; log: {log})")
        while True:
            _check_alive(processes, log)
            time.sleep(_LOOK_EVERY_S)
    except KeyboardInterrupt:
        report("stopping the schedule, and the job if one runs")
        return 0
    finally:
        signal.signal(signal.SIGTERM, before)
        _stop(processes)
        forget_going_runs(home)


def dagster_home(settings: Settings) -> Path:
    """Give the folder of Dagster's settings and records."""
    return settings.home / "dagster"


def forget_going_runs(home: Path) -> int:
    """Mark the runs that no process goes on with as canceled, or they would hold up all later ones."""
    import dagster as dg  # noqa: PLC0415 - slow to import

    going = [status for status in dg.DagsterRunStatus if status.value not in _ENDED]
    with dg.DagsterInstance.from_config(str(home)) as instance:
        runs = instance.get_runs(dg.RunsFilter(statuses=going))
        for run in runs:
            instance.report_run_canceled(run, message="The schedule was stopped.")
    return len(runs)


def _start(settings: Settings, port: int, log: Path, processes: list[Process]) -> None:
    """Start the server of the definitions and, once it answers, the UI and the daemon that ask it."""
    [code] = free_ports(1)
    asks = ("--grpc-host", LOCALHOST, "--grpc-port", str(code))
    serves = ("--module-name", _DEFINITIONS, "--host", LOCALHOST, "--port", str(code))
    with log.open("wb") as output:
        processes.append(_launch(settings, ["dagster", "api", "grpc", *serves], output))
        _await(lambda: not is_free(code), processes, log)
        ui = ["dagster-webserver", "--host", settings.listen_on, "--port", str(port), *asks]
        processes.append(_launch(settings, ui, output))
        processes.append(_launch(settings, ["dagster-daemon", "run", *asks], output))
    _await(lambda: _answers(f"http://{LOCALHOST}:{port}/server_info"), processes, log)


def _launch(settings: Settings, command: list[str], output: IO[bytes]) -> Process:
    """Start a process in a session of its own: a Ctrl-C in the terminal reaches only us."""
    own = {
        "DAGSTER_HOME": str(dagster_home(settings)),
        "COURANT_HOME": str(settings.home),
        "PYTHONPATH": str(PROJECT_ROOT),
    }
    return subprocess.Popen(
        [str(Path(sys.executable).parent / command[0]), *command[1:]],
        cwd=PROJECT_ROOT,
        env=os.environ | own,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )


def _stop(processes: list[Process]) -> None:
    """End all, with what runs they have started, and the jobs of those."""
    stop([process.pid for process in processes], patience_s=_PATIENCE_S)
    for process in processes:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # what was started in the meantime
        process.wait()


def _await(is_ready: Callable[[], bool], processes: list[Process], log: Path) -> None:
    deadline = time.monotonic() + _READY_WITHIN_S
    while not is_ready():
        _check_alive(processes, log)
        if time.monotonic() > deadline:
            raise JobError(
                f"Dagster did not answer within {_READY_WITHIN_S} s",
                exit_code=CourantError.exit_code,
                remedy=f"read {log}",
            )
        time.sleep(_LOOK_EVERY_S)


def _check_alive(processes: list[Process], log: Path) -> None:
    for process in processes:
        if process.poll() is not None:
            program = Path(str(process.args[0])).name if isinstance(process.args, list) else "a part"
            raise JobError(
                f"{program} ended with exit code {process.returncode}",
                exit_code=CourantError.exit_code,
                remedy=f"read {log}",
            )


def _answers(url: str) -> bool:
    with suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own
        return bool(answer.status == HTTPStatus.OK)
    return False
