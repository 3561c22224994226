"""One batch is written at a time, in order, and whoever hands over the next one hears of a failure."""

from __future__ import annotations

import threading

import pytest

from courant.errors import AnotherWriterError
from courant.ingest.behind import WriteBehind

WAIT_S = 10


def test_a_batch_is_written_while_the_caller_goes_on() -> None:
    behind, may_end, written = WriteBehind("test"), threading.Event(), []

    behind.submit(lambda: (may_end.wait(WAIT_S), written.append(1)))

    assert not behind.is_idle
    assert written == []
    may_end.set()
    assert behind.wait(WAIT_S)
    assert written == [1]


def test_the_next_batch_begins_when_the_one_before_has_ended() -> None:
    behind, running, most = WriteBehind("test"), [], []

    def write(number: int) -> None:
        running.append(number)
        most.append(len(running))
        threading.Event().wait(0.01)
        running.remove(number)

    for number in range(5):
        behind.submit(lambda number=number: write(number))

    assert behind.wait(WAIT_S)
    assert most == [1] * 5


def test_after_a_failure_no_batch_is_taken() -> None:
    behind, written = WriteBehind("test"), []

    def fail() -> None:
        raise AnotherWriterError("position 7", remedy="stop one")

    behind.submit(fail)
    for _ in range(2):
        with pytest.raises(AnotherWriterError, match="position 7"):
            behind.submit(lambda: written.append(1))

    assert behind.is_idle
    assert isinstance(behind.failure, AnotherWriterError)
    assert written == []


def test_waiting_is_given_up_after_the_time_allowed() -> None:
    behind, may_end = WriteBehind("test"), threading.Event()
    behind.submit(lambda: may_end.wait(WAIT_S))

    assert not behind.wait(0.01)

    may_end.set()
    assert behind.wait(WAIT_S)
