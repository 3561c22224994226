"""The real ingest with one place at which its driver dies by SIGKILL: JVM and Python at once.

    spark-submit … dying_ingest.py PLACE NTH --dataset NAME --drain

PLACE is a key of `PLACES`; the driver dies there the NTH time it comes by. One that is `asleep` writes
nothing before the file named by the variable TEST_WAKE exists.
It must have been started in a session of its own: the whole process group is killed.
"""

from __future__ import annotations

import itertools
import os
import runpy
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from courant.stores.delta_bronze import BronzeSink
from courant.stores.mysql.sink import MySQLSink

JOB = Path(__file__).resolve().parents[2] / "jobs" / "streaming" / "ingest_readings.py"
Original = Callable[..., Any]


def die() -> None:
    """Kill this driver without any farewell."""
    group = os.getpgid(0)
    if group != os.getppid():
        sys.exit("the ingest must lead a session of its own: it would take its caller with it")
    os.killpg(group, signal.SIGKILL)


def dies_before(_original: Original, *_arguments: Any, **_named: Any) -> None:
    """Die instead of doing it."""
    die()


def dies_after(original: Original, *arguments: Any, **named: Any) -> None:
    """Die when it is done."""
    original(*arguments, **named)
    die()


def sleeps_before(original: Original, *arguments: Any) -> Any:
    """Say that it is about to begin, and do so when it is woken."""
    file = Path(os.environ["TEST_WAKE"])
    file.with_suffix(".asleep").touch()
    while not file.exists():
        time.sleep(0.05)
    return original(*arguments)


PLACES: dict[str, list[tuple[type, str, Callable[..., Any]]]] = {
    "before_bronze_commit": [(BronzeSink, "_append", dies_before)],
    "after_bronze_commit": [(BronzeSink, "_append", dies_after)],
    "inside_mysql_transaction": [(MySQLSink, "_load_facts", dies_after)],
    "before_mysql_commit": [(MySQLSink, "_commit", dies_before)],
    "after_mysql_commit": [(MySQLSink, "_commit", dies_after)],
    "asleep": [(MySQLSink, "write", sleeps_before), (BronzeSink, "write", sleeps_before)],
}


def place(kind: type | ModuleType, method: str, happens: Callable[..., Any], nth: int) -> None:
    """Replace a method so that something happens the nth time it is called."""
    original, calls = getattr(kind, method), itertools.count(1)

    def replaced(*arguments: Any, **named: Any) -> Any:
        if next(calls) == nth:
            return happens(original, *arguments, **named)
        return original(*arguments, **named)

    setattr(kind, method, replaced)


def main() -> None:
    """Place the fault, then run the job as spark-submit would."""
    for kind, method, happens in PLACES[sys.argv[1]]:
        place(kind, method, happens, int(sys.argv[2]))
    sys.argv[1:] = sys.argv[3:]
    runpy.run_path(str(JOB), run_name="__main__")


if __name__ == "__main__":
    main()
