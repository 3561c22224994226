"""Alerts until Ctrl-C: the stream that raises them as a job beside the watcher that keeps and tells them."""

from __future__ import annotations

import os
import threading
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import IO

from rich.console import Console

from courant.alerts.channels import open_channels, tell
from courant.alerts.stream import slots_needed
from courant.alerts.watch import watch
from courant.domain.alert import Alert, Change, Delivery, Urgency, sentence
from courant.domain.alert_rules import AlertRules, read_rules
from courant.domain.contract import Contract, load_contracts
from courant.settings import Settings
from courant.stopping import stop_on_signals
from courant.submit import RAISE_ALERTS, start_job, stop_job

_RESTART_AFTER_S = 3.0
_COLOURS = {Urgency.INFO: "blue", Urgency.WARNING: "yellow", Urgency.CRITICAL: "red"}


class StreamJob:
    """The job that judges readings as they arrive; started again when it ends."""

    def __init__(
        self, settings: Settings, contracts: list[Contract], log: IO[bytes], console: Console
    ) -> None:
        self._settings, self._log, self._console = settings, log, console
        self._slots = slots_needed(settings, contracts)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="courant-alerts-stream", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the job, and do not start it again."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.is_set():
            process = start_job(
                self._settings,
                RAISE_ALERTS,
                ["--beside", str(os.getpid())],
                properties="spark-alerts.conf",
                log=self._log,
                slots=self._slots,
            )
            while process.poll() is None and not self._ended.wait(0.5):
                pass
            if self._ended.is_set():
                stop_job(process)
                return
            self._console.print(f"the stream ended with exit code {process.returncode}; it is started again")
            self._ended.wait(_RESTART_AFTER_S)


def run_alerts(settings: Settings, console: Console, *, stream: bool) -> int:
    """Raise, keep and tell alerts until SIGTERM or Ctrl-C; then give 0.

    Raises
    ------
    SettingsError
        If the rules or an address do not hold.
    KafkaDownError
        If no broker answers when the stream is started; later it is waited for, as MySQL is.
    AnotherWriterError, AccessDeniedError
        If another watcher is at work, or a server refuses the account.
    """
    contracts = load_contracts(settings.contracts_dir)
    rules, channels = read_rules(settings.alerts.rules, contracts.values()), open_channels(settings)
    with ExitStack() as stack, stop_on_signals() as stop:
        if stream and rules.streamed:
            log_path = settings.home / "logs" / "alerts.log"
            log_path.parent.mkdir(parents=True, exist_ok=True)
            log = stack.enter_context(log_path.open("ab"))
            job = StreamJob(settings, [contracts[name] for name in rules.streamed], log, console)
            stack.callback(job.close)
            console.print(
                f"Readings of {', '.join(rules.streamed)} are judged as they arrive. Log: {log_path}"
            )
        console.print(_opening(rules, list(channels)), soft_wrap=True)
        watch(settings, rules, contracts, channels, stop=stop, report=lambda a, d: _print(console, a, d))
    return 0


def try_channels(settings: Settings, console: Console) -> int:
    """Send a message to each channel; give 1 if one did not take it, or there is none."""
    channels = open_channels(settings)
    row = {
        "rule": "test", "severity": Urgency.INFO, "state": Change.RAISED, "raised_at": datetime.now(UTC),
        "message": "this is only a test", "alerts": 1,
    }  # fmt: skip
    failed = tell(channels, list(channels), [row])
    for name in channels:
        console.print(f"{name}: {'did not take it' if name in failed else 'ok'}")
    if not channels:
        console.print("No channel is set. See `courant alerts --help`.")
    return int(bool(failed) or not channels)


def _opening(rules: AlertRules, channels: list[str]) -> str:
    told = (
        f"told to {', '.join(channels)}"
        if channels
        else "kept in MySQL and told to nobody: no channel is set"
    )
    return f"{len(rules.rule)} rules are watched; alerts are {told}. Ctrl-C stops."


def _print(console: Console, alert: Alert, delivery: Delivery) -> None:
    """Print what people are told; what is suppressed is in the table `alert`."""
    if delivery in {Delivery.PENDING, Delivery.UNADDRESSED}:
        is_raised = alert.state is Change.RAISED
        colour = _COLOURS[alert.severity] if is_raised else "green"
        console.print(
            f"{alert.raised_at:%H:%M:%S} [{colour}]{alert.rule} {alert.state}[/]: {sentence(alert)}",
            soft_wrap=True,
        )
