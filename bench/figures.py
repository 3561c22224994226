"""What a series of commits says: rows per second in the steady state, and how it is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

WARM_UP = 0.5  # of the rows, the same share for everybody: Spark compiles itself during the first million


@dataclass(frozen=True, slots=True)
class Commit:
    """A moment at which rows became durable."""

    at_s: float  # Unix time
    rows: float  # in all, up to and with this commit


@dataclass(frozen=True, slots=True)
class Measured:
    """One competitor in one round."""

    rows: int
    steady: float  # rows per second after the warm-up
    wall_s: float  # from the start of its process to the end of it
    note: str = ""


def running_total(commits: Sequence[tuple[float, float]]) -> list[Commit]:
    """Add up (Unix time, rows of this commit) pairs, in the order of time."""
    in_order = sorted(commits)
    totals = accumulate(rows for _, rows in in_order)
    return [Commit(at, total) for (at, _), total in zip(in_order, totals, strict=True)]


def end_of_warm_up(commits: Sequence[Commit], *, share: float) -> Commit:
    """Give the first commit with which at least that share of the rows is there."""
    return next(commit for commit in commits if commit.rows >= share * commits[-1].rows)


def steady_rate(commits: Sequence[Commit], *, share: float) -> float:
    """Give rows per second from the end of the warm-up to the last commit."""
    warm, last = end_of_warm_up(commits, share=share), commits[-1]
    return (last.rows - warm.rows) / (last.at_s - warm.at_s) if last.at_s > warm.at_s else float("nan")


def steady_rate_of_both(
    mysql: Sequence[Commit], bronze: Sequence[Commit], *, share: float
) -> tuple[float, str]:
    """Give rows per second into both sinks, and where each stood when the warm-up ended.

    A row counts half with its commit in either sink, so neither work done before the clock starts is counted,
    nor work done after it forgotten, whichever sink runs ahead. The clock stops with the slower one.
    """
    halves = running_total(
        [
            (later.at_s, (later.rows - earlier.rows) / 2)
            for sink in (mysql, bronze)
            for earlier, later in pairwise([Commit(0.0, 0), *sink])
        ]
    )
    warm = end_of_warm_up(halves, share=share)
    stood = [
        max((commit.rows for commit in sink if commit.at_s <= warm.at_s), default=0)
        for sink in (mysql, bronze)
    ]
    note = f"warm-up ends with {stood[0]:,.0f} rows in MySQL, {stood[1]:,.0f} in bronze"
    return steady_rate(halves, share=share), note
