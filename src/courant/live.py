"""The live run: replay at a human pace, the ingest and the schedule beside it, until Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import IO, Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from courant.dashboard_ui import start_dashboard
from courant.domain.contract import Contract, find_contract
from courant.errors import MySQLDownError
from courant.generate import generate_file
from courant.live_cache import LiveCache, simulated_day
from courant.local import stack
from courant.model_page import forecast_lines
from courant.progress import batches_since, last_batch
from courant.replay import replay
from courant.settings import Settings
from courant.start import start_stack
from courant.submit import INGEST, start_job, stop_job

# A terminal that is closed hangs up. A shell that starts this in the background lets Ctrl-C be ignored, which the
# replays would inherit, and then nothing could stop them.
_STOPPED_BY = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_DATASETS = ("balance", "consumption_inf36")
_FIRST_DAY, _DAYS, _SEED = date(2026, 1, 5), 7, 7
_HISTORY_DAYS = 12 * 7  # of the balance, sent at once before the replay: what the daily model learns from
_REFRESH_S = 1.0
_SHOWN_BATCHES = 12
_RESTART_AFTER_S = 3.0


@dataclass(slots=True)
class LiveRun:
    """The processes of a live run; the ingest is started again when it ends."""

    settings: Settings
    log: IO[bytes]
    cache: LiveCache
    replays: list[subprocess.Popen[bytes]] = field(default_factory=list)
    dashboard: subprocess.Popen[bytes] | None = None
    alerts: subprocess.Popen[bytes] | None = None
    address: str = ""  # of the dashboard
    ingest: subprocess.Popen[bytes] | None = None
    restarts: int = -1

    def tend(self) -> None:
        """Start the ingest if it does not run, and the step of the schedule that is due."""
        self._tend_ingest()
        clock = find_contract(self.settings.contracts_dir, _DATASETS[0])
        try:
            day = simulated_day(self.settings, clock)
        except MySQLDownError:  # the ingest waits for it, and says so
            day = None
        self.cache.tend(day)

    def _tend_ingest(self) -> None:
        if self.ingest is None or self.ingest.poll() is not None:
            if self.restarts >= 0:
                time.sleep(_RESTART_AFTER_S)
            names = [word for name in _DATASETS for word in ("--dataset", name)]
            self.ingest = start_job(
                self.settings, INGEST, names, properties="spark-ingest.conf", log=self.log
            )
            self.restarts += 1

    def stop(self) -> None:
        """End the dashboard, the alerts, the replays and the schedule's step, then the ingest after its batch."""
        self.cache.stop()
        going = [*self.replays, *[one for one in (self.dashboard, self.alerts) if one]]
        for process in going:
            process.send_signal(signal.SIGINT)
        for process in going:
            process.wait()
        if self.ingest is not None:
            stop_job(self.ingest)


def run_live(settings: Settings, *, speed: float, console: Console) -> int:
    """Bring the stack up and keep data flowing until Ctrl-C; then stop everything and give 0."""
    with console.status("starting Kafka, MariaDB and the document store"):
        reached, _ = start_stack(settings)
    first_batch = last_batch(reached)
    log_path = reached.home / "logs" / "live.log"
    with log_path.open("ab") as log:
        run = LiveRun(reached, log, LiveCache(reached, list(_DATASETS)))
        previous = {one: signal.signal(one, signal.default_int_handler) for one in _STOPPED_BY}
        try:
            run.address, run.dashboard = start_dashboard(reached, log, port=reached.dashboard.port)
            console.print(f"The dashboard is at {run.address}", soft_wrap=True)
            _send_history(reached, console)
            run.alerts = _start(reached, ["alerts"], log)
            run.replays = [_start_replay(reached, name, speed, log) for name in _DATASETS]
            _show(run, first_batch, log_path, console)
        except KeyboardInterrupt:
            console.print("stopping: the last batches are committed first")
        finally:
            for one, handler in previous.items():
                signal.signal(one, handler)
            run.stop()
            stack.down(settings)
    return 0


def _start_replay(settings: Settings, name: str, speed: float, log: IO[bytes]) -> subprocess.Popen[bytes]:
    contract = find_contract(settings.contracts_dir, name)
    path = _generated(settings, contract, "week", _FIRST_DAY, _DAYS)
    command = ["replay", str(path), "--dataset", name, "--speed", str(speed), "--shift-to", "now", "--loop"]
    return _start(settings, command, log)


def _start(settings: Settings, command: list[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "courant.cli", *command],
        env=os.environ | {"COURANT_HOME": str(settings.home)},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )


def _send_history(settings: Settings, console: Console) -> None:
    """Send the weeks before the one that is replayed, moved by as many weeks."""
    contract = find_contract(settings.contracts_dir, _DATASETS[0])
    path = _generated(
        settings, contract, "history", _FIRST_DAY - timedelta(days=_HISTORY_DAYS), _HISTORY_DAYS
    )
    with console.status(f"sending {_HISTORY_DAYS} days of {contract.name} that lie behind"):
        replay(settings, contract, path, shift_to=datetime.now(UTC) - timedelta(days=_DAYS))


def _generated(settings: Settings, contract: Contract, name: str, first: date, days: int) -> Path:
    folder = settings.home / "live"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{contract.name}_{name}.csv"
    if not path.exists():
        generate_file(contract, path, start=first, days=days, seed=_SEED)
    return path


def _show(run: LiveRun, first_batch: int, log_path: Path, console: Console) -> None:
    with Live(console=console, refresh_per_second=2, transient=True) as display:
        while True:
            run.tend()
            display.update(_table(run, batches_since(run.settings, first_batch), log_path))
            time.sleep(_REFRESH_S)


def _table(run: LiveRun, batches: list[dict[str, Any]], log_path: Path) -> Table:
    total = sum(batch["rows_in"] for batch in batches)
    table = Table(
        title=f"{total:,} records in MySQL since the start; ingest restarted {max(run.restarts, 0)} times",
        caption="\n".join(
            [
                *forecast_lines(run.cache.forecast),
                f"Dashboard: {run.address}",
                f"Schedule: {run.cache.summary()}. Ctrl-C stops. Log: {log_path}",
            ]
        ),
    )
    for name in ("committed (UTC)", "data set", "records", "accepted", "rejected", "p50", "p95"):
        table.add_column(name, justify="left" if name in {"committed (UTC)", "data set"} else "right")
    for batch in reversed(batches[-_SHOWN_BATCHES:]):
        table.add_row(
            f"{batch['committed_at']:%H:%M:%S}",
            batch["dataset"],
            *[f"{batch[name]:,}" for name in ("rows_in", "accepted", "rejected")],
            *[f"{batch[f'latency_{q}_ms']:,.0f} ms" for q in ("p50", "p95")],
        )
    return table
