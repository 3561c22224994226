"""What the tests of the alerts' command share: the command itself on a contract's topic, and readings for it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
from ingesting import SHORT_LIVED, ask, contracts_folder, environment_of
from waiting import wait_until

from courant.domain.contract import Contract
from courant.settings import Settings

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
COURANT = str(Path(sys.executable).with_name("courant"))


@contextmanager
def alerting(
    settings: Settings, contract: Contract, folder: Path, rule: str, *, url: str = "", ends_with: int = 0
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `courant alerts` on a contract's topic, with one rule, and wait until its stream judges readings."""
    rules = folder / "alerts.toml"
    rules.write_text(
        f'check_every_s = 1\n[[rule]]\nname = "{rule}"\nkind = "threshold"\ndataset = "balance"\n'
        'field = "consommation_totale"\nabove = 100\n',
        encoding="utf-8",
    )
    ours = environment_of(settings, contracts_folder(folder / "contracts", contract)) | SHORT_LIVED
    ours |= {
        "COURANT_ALERTS_RULES": str(rules),
        "COURANT_ALERTS_URLS": json.dumps({"hook": url} if url else {}),
    }
    log = settings.home / "logs" / "alerts.log"
    seen = log.stat().st_size if log.exists() else 0
    with (folder / "alerts.out").open("ab") as output:
        process = subprocess.Popen(
            [COURANT, "alerts"], env=os.environ | ours, stdout=output, stderr=output, start_new_session=True
        )
    try:
        wait_until(lambda: log.exists() and b"watching" in log.read_bytes()[seen:])
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=90)
    assert process.returncode == ends_with, (folder / "alerts.out").read_text()


def readings(count: int, *, load: int, first: int = 0) -> list[bytes]:
    starts = [NOON + timedelta(minutes=15 * number) for number in range(first, first + count)]
    return [
        json.dumps({"horodate": start.isoformat(), "consommation_totale": load}).encode() for start in starts
    ]


def kept(settings: Settings, rule: str) -> int:
    [(count,)] = ask(settings, "SELECT COUNT(*) FROM alert WHERE rule = %s", (rule,))
    return int(count)


def jobs(settings: Settings) -> list[psutil.Process]:
    """Find the processes of the stream's job: spark-submit's JVM and its driver."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ"]):
        words, variables = process.info["cmdline"] or [], process.info["environ"] or {}
        is_ours = (
            variables.get("COURANT_HOME") == str(settings.home)
            and variables.get("COURANT_MYSQL_DATABASE") == settings.mysql.database
        )
        if is_ours and any("raise_alerts.py" in word for word in words):
            found.append(process)
    return found
