"""How a command starts a job: spark-submit as a process of its own, stopped without losing its last batch."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import IO, Any

import psutil

from courant.session import submit_command, submit_environment
from courant.settings import Settings

INGEST, RECONCILE = "jobs/streaming/ingest_readings.py", "jobs/batch/reconcile_layers.py"
SILVER, GOLD = "jobs/batch/build_silver.py", "jobs/batch/build_gold.py"
PUBLISH, MAINTAIN = "jobs/batch/publish_aggregates.py", "jobs/batch/maintain_tables.py"
COMPARE_ENGINES, DETECT_DRIFT = "jobs/ml/compare_engines.py", "jobs/ml/detect_drift.py"
RAISE_ALERTS, EXPORT = "jobs/streaming/raise_alerts.py", "jobs/batch/export_silver.py"
REPLAY_REJECTS, REBUILD = "jobs/batch/replay_rejects.py", "jobs/batch/rebuild_layer.py"

_PATIENCE_S = 60


def start_job(  # noqa: PLR0913 - an edge
    settings: Settings,
    job: str,
    arguments: list[str],
    *,
    properties: str | None = None,
    log: IO[bytes] | int | None = None,
    slots: int | None = None,
) -> subprocess.Popen[bytes]:
    """Start a job in a session of its own, so that a Ctrl-C in the terminal reaches only us.

    Parameters
    ----------
    job
        Path of the entry point below the project.
    log
        Where its standard output and errors go; the terminal if left out.
    slots
        As of `submit_command`.
    """
    return subprocess.Popen(
        submit_command(settings, job, arguments, properties=properties, slots=slots),
        env=submit_environment(settings.listen_on) | {"COURANT_HOME": str(settings.home)},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )


def stop_job(process: subprocess.Popen[bytes]) -> int:
    """Ask the driver to end after its batch; kill it if it does not. Give its exit code."""
    for child in _drivers(process.pid):
        child.send_signal(signal.SIGTERM)
    try:
        return process.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return process.wait()


def run_job(settings: Settings, job: str, arguments: list[str], *, properties: str | None = None) -> int:
    """Run a job to its end, or until Ctrl-C or SIGTERM stops it; give its exit code.

    All that it prints goes to standard error: spark-submit does not keep a driver's two outputs apart.
    """
    process = start_job(settings, job, arguments, properties=properties, log=sys.stderr.fileno())

    def stop(_signal: int, _frame: FrameType | None) -> None:
        for child in _drivers(process.pid):
            child.send_signal(signal.SIGTERM)

    before = {name: signal.signal(name, stop) for name in (signal.SIGINT, signal.SIGTERM)}
    try:
        return process.wait()
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def run_reporting_job(
    settings: Settings, job: str, arguments: list[str], *, properties: str | None = None
) -> tuple[int, dict[str, Any]]:
    """Run a job to its end; give its exit code and the document that it wrote, empty if it wrote none."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "document.json"
        code = run_job(settings, job, [*arguments, "--out", str(out)], properties=properties)
        return code, json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}


def _drivers(pid: int) -> list[psutil.Process]:
    """Find the Python drivers of a spark-submit; the JVM above them ends when they do."""
    try:
        children = psutil.Process(pid).children(recursive=False)
    except psutil.NoSuchProcess:
        return []
    return [child for child in children if "python" in child.name()]
