"""The records that every measurement reads: generated consumption, as `courant replay` would send it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from courant.domain.contract import Contract
from courant.domain.enedis import generate_days
from courant.domain.message import MESSAGE_FACTS, to_messages
from courant.settings import Settings
from courant.stores.kafka import RecordSender, ensure_topics

DATASET = "consumption_inf36"
FIRST_DAY = date(2026, 1, 5)
SEED = 7
_PIECE_ROWS = 5_000
# What replay adds to the published fields: without it, a record has about 500 bytes, a usual length.
_ADDED = rf',"{MESSAGE_FACTS[0]}":.*?"{MESSAGE_FACTS[-1]}":"[^"]*"'


@dataclass(frozen=True, slots=True)
class Filled:
    """What was sent."""

    rows: int
    value_bytes: int

    @property
    def mean_bytes(self) -> float:
        """Mean length of a record's value."""
        return self.value_bytes / max(self.rows, 1)


def messages(contract: Contract, rows: int, *, first_day: date = FIRST_DAY) -> Iterator[pl.DataFrame]:
    """Generate exactly so many records in published order, a day at a time.

    Yields
    ------
    polars.DataFrame
        `key` and `value`, both text: replay's own, without the calendar's facts.
    """
    left = rows
    for day in generate_days(contract.name, start=first_day, days=rows // 40_000 + 2, seed=SEED):
        published = day.head(left).select(pl.all().cast(pl.String))
        replayed = to_messages(published, contract, shift=timedelta(0))
        yield replayed.select("key", pl.col("value").str.replace(_ADDED, ""))
        left -= published.height
        if not left:
            return


def fill_topic(
    settings: Settings,
    contract: Contract,
    rows: int,
    *,
    on_progress: Callable[[int], None],
    first_day: date = FIRST_DAY,
) -> Filled:
    """Send so many records to the data set's topic, as replay does, and wait until the broker has them."""
    ensure_topics(settings, [contract])
    size = 0
    with RecordSender(settings, contract.topic) as sender:
        for frame in messages(contract, rows, first_day=first_day):
            size += int(frame["value"].str.len_bytes().sum())
            for piece in frame.iter_slices(_PIECE_ROWS):
                sender.send(piece["key"].to_list(), piece["value"].to_list())
                on_progress(sender.sent)
    if sender.acknowledged != rows:
        raise SystemExit(f"the broker has {sender.acknowledged} of {rows} records: {sender.first_failure}")
    return Filled(rows, size)
