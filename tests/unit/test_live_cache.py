"""The live run's schedule: one step at a time, nothing piled up, a failure noted and tried again."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import psutil
import pytest

from courant import live_cache
from courant.live_cache import LiveCache
from courant.settings import Settings, load_settings
from courant.steps import CACHE, RunningStep, Step

MONDAY, TUESDAY, WEDNESDAY, FRIDAY = (date(2026, 1, day) for day in (5, 6, 7, 9))
NAMES = [step.name for step in CACHE]
DAILY_NAMES = ["upkeep", "drift", "forecast", "reconcile"]


@dataclass
class Jobs:
    """Starts a real process in the place of each job."""

    folder: Path
    codes: dict[str, int] = field(default_factory=dict)
    started: list[str] = field(default_factory=list)
    program: str = "import sys; print('Error: no room', file=sys.stderr); sys.exit({code})"

    def start(self, _settings: Settings, step: Step, _datasets: list[str]) -> RunningStep:
        self.started.append(step.name)
        out, log = self.folder / f"{step.name}.json", self.folder / f"{step.name}.log"
        out.write_text('{"ok": true}')
        program = self.program.format(code=self.codes.get(step.name, 0))
        with log.open("wb") as output:
            process = subprocess.Popen([sys.executable, "-c", program], stdout=output, stderr=output)
        return RunningStep(step, process, out, log)


@dataclass
class Clock:
    """A clock that the test sets."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Jobs:
    jobs = Jobs(tmp_path)
    monkeypatch.setattr(live_cache, "start_step", jobs.start)
    return jobs


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(tmp_path: Path, clock: Clock, jobs: Jobs) -> LiveCache:
    cache = LiveCache(load_settings(home=tmp_path), ["balance"], cache_every_s=100, clock=clock)
    cache.tend(None)
    assert jobs.started == []  # the first records are on their way
    return cache


def tend_to_the_end(cache: LiveCache, day: date | None = None) -> None:
    """Tend until nothing runs or waits."""
    while True:
        cache.tend(day)
        if cache._running is None:
            return
        cache._running.process.wait()


def test_the_cache_s_steps_run_in_their_order_when_they_are_due(
    cache: LiveCache, clock: Clock, jobs: Jobs
) -> None:
    clock.now = 99
    tend_to_the_end(cache)
    assert jobs.started == []

    clock.now = 100
    tend_to_the_end(cache)
    assert jobs.started == [
        "silver",
        "gold",
        "aggregates",
        "forecast",
    ]  # the first, as soon as there is something
    assert cache.summary() == "silver ok; gold ok; aggregates ok; forecast ok"
    assert cache.forecast == {"ok": True}

    clock.now = 200
    tend_to_the_end(cache)
    assert jobs.started[4:] == NAMES


def test_what_falls_due_while_a_step_runs_is_done_once(cache: LiveCache, clock: Clock, jobs: Jobs) -> None:
    jobs.program = "import time; time.sleep(600)"
    clock.now = 100
    cache.tend(MONDAY)
    for clock.now in (200, 300, 400):
        cache.tend(MONDAY)
    assert jobs.started == ["silver"]
    assert cache.summary() == "silver runs"

    jobs.program = ""
    assert cache._running
    cache._running.process.kill()
    cache._running.process.wait()
    tend_to_the_end(cache, MONDAY)
    assert jobs.started == ["silver", *NAMES, "forecast"]  # once for the three ticks


def test_ticks_between_the_steps_of_a_slow_cache_do_not_pile_up(
    cache: LiveCache, clock: Clock, jobs: Jobs
) -> None:
    for clock.now in (100, 200, 300):
        cache.tend(None)
        assert cache._running
        cache._running.process.wait()
    assert jobs.started == NAMES

    tend_to_the_end(cache)
    assert jobs.started == [*NAMES, "forecast", *NAMES]


def test_a_simulated_midnight_brings_upkeep_and_the_proof_once(
    cache: LiveCache, clock: Clock, jobs: Jobs
) -> None:
    for day in (MONDAY, TUESDAY):
        tend_to_the_end(cache, day)
    assert jobs.started == []  # there is no cache that it could be about

    clock.now = 100
    tend_to_the_end(cache, TUESDAY)
    jobs.started.clear()
    for day in (TUESDAY, WEDNESDAY, WEDNESDAY, FRIDAY, MONDAY):
        tend_to_the_end(cache, day)
    assert jobs.started == DAILY_NAMES * 2

    clock.now = 200
    tend_to_the_end(cache, TUESDAY)
    assert jobs.started[len(DAILY_NAMES) * 2 :] == [*NAMES, *DAILY_NAMES]


def test_behind_a_failed_step_the_cache_waits_and_is_tried_again(
    cache: LiveCache, clock: Clock, jobs: Jobs
) -> None:
    jobs.codes = {"gold": 15}
    clock.now = 100
    tend_to_the_end(cache)
    assert jobs.started == ["silver", "gold"]
    assert cache.summary() == "silver ok; gold failed: build_gold ended with exit code 15: no room"

    jobs.codes = {}
    clock.now = 200
    tend_to_the_end(cache)
    assert jobs.started == ["silver", "gold", *NAMES, "forecast"]
    assert cache.summary() == "silver ok; gold ok; aggregates ok; forecast ok"


def test_layers_that_differ_are_no_failure_but_are_said(cache: LiveCache, clock: Clock, jobs: Jobs) -> None:
    jobs.codes = {"reconcile": 1}
    clock.now = 100
    tend_to_the_end(cache, MONDAY)
    tend_to_the_end(cache, TUESDAY)

    assert cache.summary().endswith("upkeep ok; drift ok; reconcile found differences")


def test_models_that_have_too_few_days_wait(cache: LiveCache, clock: Clock, jobs: Jobs) -> None:
    jobs.codes = {"forecast": 32}
    clock.now = 100
    tend_to_the_end(cache, MONDAY)

    assert cache.summary().endswith("forecast waits for more days")


def test_stopping_ends_the_step_that_runs(cache: LiveCache, clock: Clock, jobs: Jobs) -> None:
    jobs.program = "import time; time.sleep(600)"
    clock.now = 100
    cache.tend(None)
    assert cache._running
    pid = cache._running.process.pid

    cache.stop()
    assert not psutil.pid_exists(pid)
    assert cache.summary() == "waiting"
