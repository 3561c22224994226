"""How long the tests wait for what must come: a bound against hanging, which no slow machine should meet."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable

PATIENCE_S = 300.0


def wait_until(
    condition: Callable[[], object], *, within_s: float = PATIENCE_S, every_s: float = 0.05
) -> None:
    """Wait until a condition holds; fail when it does not in time."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_s} s"
        time.sleep(every_s)


def wait_beside(condition: Callable[[], bool], job: subprocess.Popen[bytes]) -> None:
    """Wait until a condition holds, looking closely; fail with what the job has said when it ends before."""

    def holds() -> bool:
        assert job.poll() is None, job.stdout and job.stdout.read()[-2000:]
        return condition()

    wait_until(holds, every_s=0.002)
