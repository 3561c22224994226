"""Only one command at a time starts or stops the servers of a home."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from courant.errors import StackError

_WAIT_S = 180


@contextmanager
def only_one(home: Path, *, wait_s: float = _WAIT_S) -> Iterator[None]:
    """Hold the home's lock; a killed holder's goes with its process, so no lock is ever stale.

    Raises
    ------
    StackError
        If another command still holds it after ``wait_s``.
    """
    path = home / "run" / "lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        _acquire(file, path, time.monotonic() + wait_s)
        yield


def _acquire(file: IO[str], path: Path, deadline: float) -> None:
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise StackError(
                    f"Another `courant up` or `down` is at work here (it holds {path})",
                    remedy="wait for it to end, then try again",
                ) from error
        time.sleep(0.1)
