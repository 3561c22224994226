"""A replay while its broker is killed."""

import os
import signal
import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from courant.domain.contract import find_contract
from courant.generate import generate_file
from courant.local import stack
from courant.replay import ReplayProgress, ReplayResult, replay
from courant.settings import Settings, load_settings
from courant.start import start_stack
from courant.stores.kafka import count_committed, describe_topic


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[Settings]:
    """Give the settings of a stack that this test may break."""
    home = tmp_path / "home"
    try:
        start_stack(load_settings(home=home))
        yield load_settings(home=home)
    finally:
        stack.down(load_settings(home=home))


def test_a_broker_killed_in_the_middle_loses_and_doubles_nothing(own_stack: Settings, tmp_path: Path) -> None:
    contract = find_contract(own_stack.contracts_dir, "consumption_inf36")
    path = tmp_path / "days.csv"
    rows = generate_file(contract, path, start=date(2026, 1, 1), days=4, regions=["84", "11"], seed=7).rows
    is_under_way = threading.Event()
    results: list[ReplayResult] = []

    def note(progress: ReplayProgress) -> None:
        if progress.acknowledged > 2_000:
            is_under_way.set()

    def send() -> None:
        results.append(replay(own_stack, contract, path, rate=4_000, on_progress=note))

    sender = threading.Thread(target=send)
    sender.start()
    assert is_under_way.wait(60)
    pid = stack.status(own_stack).services["kafka"].pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    start_stack(own_stack)
    sender.join(240)

    (result,) = results
    assert (result.sent, result.acknowledged, result.failed) == (rows, rows, 0)
    ends = describe_topic(own_stack, contract.topic).log_end
    counts = count_committed(own_stack, contract.topic, ranges={p: (0, end) for p, end in ends.items()})
    assert sum(counts.values()) == rows == 4 * 2 * 82 * 48
