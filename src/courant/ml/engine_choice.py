"""Which engine fits the daily ridge, by a rule that was written before any figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from courant.errors import JobError
from courant.ml.measure import Measured, metrics

COST = "cold_total_wall_s"
RULE = (
    "Of the engines that did the day's work within the limits of cores and memory, and in parity with each other, the"
    " one is chosen that takes the least wall time for one fit from nothing: start of the session, load and first fit."
    " A daily job fits once a day, in a new process; what a warm session would take does not matter to it."
)


def choose_engine(measured: Sequence[Measured]) -> str:
    """Apply the rule to the engines at one work of one size.

    Raises
    ------
    JobError
        If no engine ended the work.
    """
    done = {one.engine: metrics(one)[COST] for one in measured if one.failure is None}
    if not done:
        reasons = "; ".join(f"{one.engine} {one.failure}" for one in measured)
        raise JobError(
            f"No engine could do the day's work: {reasons}",
            exit_code=JobError.exit_code,
            remedy="give it more memory: `courant ml --memory-mb 4096`",
        )
    return least(done)


def least(costs: Mapping[str, float]) -> str:
    """Give the engine whose `COST` is least."""
    return min(costs, key=lambda engine: costs[engine])
