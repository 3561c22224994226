from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from courant.ml.process_tree import ProcessTree, own_cpu_s

BURN = "import time\nwhile time.process_time() < 0.5: pass\nprint(flush=True)\ninput()"
PARENT = "import subprocess, sys\nsubprocess.run([sys.executable, '-c', sys.argv[1]])"
LARGE = "kept = b'x' * (100 << 20); print(flush=True); input()"


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Run code in a process that has printed a line when it is ready, and waits for one to end."""
    started = []

    def start(*code: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-c", *code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        started.append(process)
        process.stdout.readline()
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_the_cpu_of_a_child_counts_while_it_lives_and_after(
    start: Callable[..., subprocess.Popen[bytes]],
) -> None:
    before_s = own_cpu_s()
    process = start(BURN)

    while_it_lives_s = own_cpu_s() - before_s
    process.communicate(b"\n")
    after_s = own_cpu_s() - before_s

    assert 0.45 < while_it_lives_s < 1.5
    assert after_s >= while_it_lives_s - 0.02


def test_the_memory_of_a_grandchild_counts(start: Callable[..., subprocess.Popen[bytes]]) -> None:
    process = start(PARENT, LARGE)

    assert 100 < ProcessTree(process.pid).pss_mb() < 160


def test_a_killed_tree_leaves_no_orphan(start: Callable[..., subprocess.Popen[bytes]]) -> None:
    process = start(PARENT, LARGE)
    [grandchild] = psutil.Process(process.pid).children()
    tree = ProcessTree(process.pid)
    tree.pss_mb()
    process.kill()
    process.wait()

    tree.kill()

    assert not grandchild.is_running() or grandchild.status() == psutil.STATUS_ZOMBIE
    assert tree.pss_mb() == 0


def test_a_process_that_waits_uses_no_cpu(start: Callable[..., subprocess.Popen[bytes]]) -> None:
    start("print(flush=True); input()")
    before_s, begun = own_cpu_s(), time.monotonic()
    while time.monotonic() - begun < 0.2:
        time.sleep(0.05)

    assert own_cpu_s() - before_s < 0.1
