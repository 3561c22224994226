"""The schedule of a live run: the cache every few minutes, the daily steps when the replay passes midnight."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from courant.domain.calendar import paris_day
from courant.domain.contract import Contract
from courant.errors import JobError
from courant.settings import Settings
from courant.steps import CACHE, DAILY, MODEL, SMALL_MODEL, Finished, RunningStep, Step, start_step
from courant.stores.mysql.aggregates import newest_slot
from courant.stores.mysql.connection import session

CACHE_EVERY_S = 120.0
_DAILY = tuple(SMALL_MODEL if step is MODEL else step for step in DAILY)


@dataclass(slots=True)
class LiveCache:
    """Runs steps as processes, one at a time; what falls due while one runs is done once, not piled up."""

    settings: Settings
    datasets: list[str]
    cache_every_s: float = CACHE_EVERY_S
    clock: Callable[[], float] = time.monotonic
    last: dict[str, str] = field(default_factory=dict)  # how each step ended the last time
    forecast: dict[str, Any] = field(default_factory=dict)  # what the daily model reported last
    _is_cached: bool = (
        False  # whether the cache was made once: before that, no model has anything to learn from
    )
    _waiting: deque[Step] = field(default_factory=deque)
    _running: RunningStep | None = None
    _next_cache_s: float | None = None
    _day: date | None = None

    def tend(self, simulated_day: date | None) -> None:
        """Start what is due and note what has ended; returns at once.

        Parameters
        ----------
        simulated_day
            The Paris day that the replay has reached; None before the first record.
        """
        if self._running and self._running.is_running():
            return
        if self._running:
            self._note_end(self._running)
            self._running = None
        if not self._waiting:
            self._waiting.extend(self._due(simulated_day))
        if self._waiting:
            self._running = start_step(self.settings, self._waiting.popleft(), self.datasets)

    def stop(self) -> None:
        """End the step that runs; nothing else is started."""
        self._waiting.clear()
        if self._running:
            self._running.stop()
            self._running = None

    def summary(self) -> str:
        """Say in one line which step runs and how each ended."""
        running = [f"{self._running.step.name} runs"] if self._running else []
        return "; ".join([*running, *(f"{name} {end}" for name, end in self.last.items())]) or "waiting"

    def _due(self, simulated_day: date | None) -> list[Step]:
        return [*self._cache_due(), *self._daily_due(simulated_day)]

    def _cache_due(self) -> tuple[Step, ...]:
        now = self.clock()
        if self._next_cache_s is None:  # the first records are on their way
            self._next_cache_s = now + self.cache_every_s
        if now < self._next_cache_s:
            return ()
        self._next_cache_s = now + self.cache_every_s
        return CACHE

    def _daily_due(self, simulated_day: date | None) -> tuple[Step, ...]:
        before, self._day = self._day, simulated_day or self._day
        is_due = self._is_cached and before and simulated_day and simulated_day > before
        return _DAILY if is_due else ()

    def _note_end(self, running: RunningStep) -> None:
        """Note how a step ended; behind a failed one, the cache's steps wait for the next time."""
        try:
            finished = running.finish()
            self.last[running.step.name] = _verdict(finished)
            self._go_on_from(running.step, finished)
        except JobError as error:
            self.last[running.step.name] = f"failed: {error.message}"
            self._waiting = deque(step for step in self._waiting if step not in CACHE)

    def _go_on_from(self, step: Step, finished: Finished) -> None:
        """Have the first forecast as soon as the cache is there for the first time."""
        if step is CACHE[-1] and not self._is_cached:
            self._is_cached = True
            self._waiting.append(SMALL_MODEL)
        if step is SMALL_MODEL and finished.document:
            self.forecast = finished.document


def simulated_day(settings: Settings, contract: Contract) -> date | None:
    """Give the Paris day of the data set's newest slot in MySQL: how far the replayed clock has come.

    Raises
    ------
    MySQLDownError
        If the server does not answer.
    """
    with session(settings, "reader") as connection:
        slot = newest_slot(connection, contract)
    return paris_day(slot) if slot else None


def _verdict(finished: Finished) -> str:
    if finished.excuse:
        return "waits for more days"
    return "ok" if finished.exit_code == 0 else "found differences"
