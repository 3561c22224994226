"""What a process and all its descendants use, by Linux's own accounts; and their end."""

from __future__ import annotations

import contextlib
import os
import re
import time
from pathlib import Path

import psutil

MB = 2**20


class ProcessTree:
    """A process and whatever descends from it, also what is left of it when the process itself is gone."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._seen = {self._root}

    def pss_mb(self) -> float:
        """Sum up the proportional set sizes, in MiB: memory that processes share counts once."""
        return sum(_pss_bytes(process.pid) for process in self._members()) / MB

    def kill(self) -> None:
        """Kill every member, and those that a member starts meanwhile."""
        while alive := [process for process in self._members() | self._seen if _is_alive(process)]:
            for process in alive:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(alive, timeout=1)

    def _members(self) -> set[psutil.Process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            members = {self._root, *self._root.children(recursive=True)}
            self._seen |= members
            return members
        return set()


def own_cpu_s() -> float:
    """Sum up the user and system seconds of this process, its descendants, and those of them that have ended.

    This process is accounted for by the nanosecond, the others in clock ticks of 10 ms.
    """
    ended = os.times()
    others = [_cpu_s(process) for process in psutil.Process().children(recursive=True)]
    return time.process_time() + ended.children_user + ended.children_system + sum(others)


def _cpu_s(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.NoSuchProcess):
        return sum(process.cpu_times()[:4])  # user and system: its own, and of children that have ended
    return 0.0


def _pss_bytes(pid: int) -> int:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
        return int(found[1]) * 1024 if found else 0  # a zombie has no memory
    return 0


def _is_alive(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
