"""A published file becomes a live stream: each row a message on its data set's topic, at a chosen pace."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from courant.domain.calendar import WEEK, require_aware, whole_weeks_down, whole_weeks_up
from courant.domain.contract import Contract
from courant.domain.message import slot_instant, to_messages
from courant.errors import InputFileError, SettingsError
from courant.published import in_batches, read_published
from courant.settings import Settings
from courant.stores.kafka import RecordSender, ensure_topics

_PIECE_ROWS = 5_000  # sent between two looks at the clock and reports of progress
_SHORTEST_WAIT_S, _LONGEST_WAIT_S = 0.005, 0.2  # batches when rows are due often; answers Ctrl-C when seldom


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """What became of the rows."""

    sent: int
    acknowledged: int  # confirmed by the broker
    failed: int
    seconds: float
    first_failure: str = ""
    was_interrupted: bool = False


@dataclass(frozen=True, slots=True)
class ReplayProgress:
    """How far a replay is."""

    sent: int
    acknowledged: int
    file_rows: int
    passes: int  # of the file, from 1


@dataclass(frozen=True, slots=True)
class _File:
    rows: pl.LazyFrame
    row_count: int
    oldest: datetime | None  # slot in UTC; None where no row has a readable timestamp
    newest: datetime | None


@dataclass(frozen=True, slots=True)
class _Pace:
    """When each message is due, in seconds after the start."""

    rate: float | None
    speed: float | None
    origin: datetime | None  # the slot that is due at the start

    def due(self, slots: pl.Series, *, sent: int) -> NDArray[np.float64] | None:
        """Give the times of the next messages; None: at once."""
        if self.rate is not None:
            return np.arange(sent, sent + len(slots)) / self.rate
        if self.speed is None or self.origin is None:
            return None
        after = (slots - self.origin).dt.total_milliseconds().forward_fill().fill_null(0)
        return (after / 1000 / self.speed).to_numpy()


def _ignore(_progress: ReplayProgress) -> None:
    pass


def replay(  # noqa: PLR0913 - the command's options
    settings: Settings,
    contract: Contract,
    path: Path,
    *,
    rate: float | None = None,
    speed: float | None = None,
    shift_to: datetime | None = None,
    loop: bool = False,
    on_progress: Callable[[ReplayProgress], None] = _ignore,
) -> ReplayResult:
    """Send a published file's rows to the data set's topic; makes the topic where it is missing.

    Parameters
    ----------
    rate
        Rows per second. Without rate and speed: as fast as the broker takes them.
    speed
        How much faster than time itself: rows go out by their slots, in the slots' order.
    shift_to
        Move all slots by the same number of whole weeks, so that the newest one is the latest
        possible that is not after this instant.
    loop
        Begin again at the end, each pass moved on by the file's span in whole weeks. Only an
        interrupt ends it.

    Returns
    -------
    ReplayResult
        After the broker has answered for every row; also after Ctrl-C.

    Raises
    ------
    InputFileError
        If the file cannot be read as the data set.
    KafkaDownError
        If no broker answers, or a broker stays away for longer than the delivery timeout.
    SettingsError
        If both rate and speed are given, or one is not positive.
    """
    _check_pace(rate, speed)
    file = _examine(read_published(path, contract), contract, in_slot_order=speed is not None)
    shift = _first_shift(file, shift_to, path)
    pace = _Pace(rate, speed, file.oldest and file.oldest + shift)
    ensure_topics(settings, [contract])
    was_interrupted = False
    with RecordSender(settings, contract.topic) as sender:
        started = time.monotonic()
        try:
            for number, messages in _messages(file, contract, shift=shift, loop=loop):
                due = pace.due(messages["slot"], sent=sender.sent)
                for _ in _send(sender, messages, due, started):
                    on_progress(ReplayProgress(sender.sent, sender.acknowledged, file.row_count, number))
        except KeyboardInterrupt:
            was_interrupted = True
    seconds = time.monotonic() - started
    return ReplayResult(
        sender.sent, sender.acknowledged, sender.failed, seconds, sender.first_failure, was_interrupted
    )


def whole_weeks(contract: Contract, path: Path, *, shift_to: datetime) -> int:
    """Give the weeks by which a replay of the file with this `shift_to` moves all slots.

    Raises
    ------
    InputFileError
        If the file cannot be read as the data set, or no row of it has a timestamp with an offset.
    """
    file = _examine(read_published(path, contract), contract, in_slot_order=False)
    return _first_shift(file, shift_to, path) // WEEK


def _check_pace(rate: float | None, speed: float | None) -> None:
    if rate is not None and speed is not None:
        raise SettingsError("A replay has a rate or a speed, not both", remedy="give --rate or --speed")
    for name, value in (("rate", rate), ("speed", speed)):
        if value is not None and value <= 0:
            raise SettingsError(
                f"The {name} must be above 0; it is {value:g}", remedy=f"give a positive --{name}"
            )


def _examine(rows: pl.LazyFrame, contract: Contract, *, in_slot_order: bool) -> _File:
    """Read the file's length and first and last slot; order it where the pace needs that."""
    slot = slot_instant(contract.instant.name)
    row = (
        rows.select(
            pl.len(),
            slot.min().alias("oldest"),
            slot.max().alias("newest"),
            (slot >= slot.shift()).all().alias("is_ordered"),
        )
        .collect(engine="streaming")
        .row(0)
    )
    if in_slot_order and not row[3]:  # a row without a readable slot stays with the one before it
        rows = rows.sort(slot.forward_fill().backward_fill(), maintain_order=True)
    return _File(rows, *row[:3])


def _first_shift(file: _File, shift_to: datetime | None, path: Path) -> timedelta:
    if shift_to is None:
        return timedelta(0)
    if file.newest is None:
        raise InputFileError(
            f"No row of {path} has a timestamp with an offset, so there is nothing to shift",
            remedy="replay it without --shift-to",
        )
    return whole_weeks_down(require_aware(shift_to) - file.newest)


def _messages(
    file: _File, contract: Contract, *, shift: timedelta, loop: bool
) -> Iterator[tuple[int, pl.DataFrame]]:
    """Give the file's messages batch by batch, with the number of the pass."""
    span = file.newest - file.oldest if file.newest and file.oldest else timedelta(0)
    step = timedelta(minutes=min(contract.steps_minutes, default=0))  # the last slot lasts, too
    for number in itertools.count() if loop else range(1):
        moved = shift + number * whole_weeks_up(span + step)
        for rows in in_batches(file.rows):
            yield number + 1, to_messages(rows, contract, shift=moved)


def _send(
    sender: RecordSender, messages: pl.DataFrame, due: NDArray[np.float64] | None, started: float
) -> Iterator[int]:
    """Send messages as they fall due; yields the number sent after each piece."""
    keys, values = messages["key"].to_list(), messages["value"].to_list()
    done = 0
    while done < len(keys):
        ready = len(keys) if due is None else _ready(due, time.monotonic() - started)
        piece = slice(done, min(ready, done + _PIECE_ROWS))
        sender.send(keys[piece], values[piece])
        done = max(done, piece.stop)
        yield done
        if due is not None and done < len(keys):
            _wait(due[done] - (time.monotonic() - started))


def _ready(due: NDArray[np.float64], elapsed: float) -> int:
    return int(np.searchsorted(due, elapsed, side="right"))


def _wait(seconds: float) -> None:
    if seconds > 0:
        time.sleep(min(max(seconds, _SHORTEST_WAIT_S), _LONGEST_WAIT_S))
