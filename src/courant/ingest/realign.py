"""Let sinks read on where they refuse to start, after saying what that loses."""

from __future__ import annotations

from dataclasses import dataclass

from courant.domain.contract import Contract
from courant.errors import CourantError, OffsetsLostError
from courant.ingest.sinks import (
    adopt_in_bronze,
    adopt_in_mysql,
    create_layers,
    epoch_of,
    move_mysql,
    read_states,
)
from courant.ingest.start import SinkState, check_start
from courant.settings import Settings
from courant.stores.kafka import TopicState, describe_topic


@dataclass(frozen=True, slots=True)
class Realignment:
    """What one sink would do."""

    sink: str
    reason: str  # why it refuses to start; empty if it does not
    starts: dict[int, int]  # where it would read on, per partition
    lost: dict[int, int]  # offsets of this topic that it would never read, per partition
    is_new_epoch: bool

    def sentence(self, *, applied: bool) -> str:
        """Say it to a person."""
        if not self.reason:
            return f"{self.sink}: nothing to do, it reads on from {self.starts}"
        lost = ", ".join(f"{count:,} of partition {p}" for p, count in sorted(self.lost.items())) or "none"
        verb = "It reads on" if applied else "With --yes it would read on"
        return f"{self.sink}: {self.reason}\n  {verb} from {self.starts}. Offsets of this topic lost to it: {lost}."


def plan(state: SinkState, topic: TopicState) -> Realignment:
    """Say what realigning a sink means.

    Raises
    ------
    OffsetsLostError
        If the log ends before the sink's position: its offsets would be given to other records.
    """
    try:
        check_start(state, topic)
    except CourantError as error:
        return _plan(state, topic, error.message)
    return Realignment(state.sink, "", state.positions, {}, is_new_epoch=False)


def _plan(state: SinkState, topic: TopicState, reason: str) -> Realignment:
    if state.topic_ids[-1] != topic.topic_id:
        return Realignment(state.sink, reason, topic.log_start, {}, is_new_epoch=True)
    ahead = {p: o for p, o in state.positions.items() if o > topic.log_end.get(p, o)}
    if ahead:
        raise OffsetsLostError(
            reason,
            remedy="put back the newer broker data, or delete the topic, replay into a new one and realign",
        )
    starts = {p: max(state.positions.get(p, start), start) for p, start in topic.log_start.items()}
    lost = {p: starts[p] - o for p, o in state.positions.items() if p in starts and starts[p] > o}
    return Realignment(state.sink, reason, starts, lost, is_new_epoch=False)


def realign(settings: Settings, contract: Contract, *, apply: bool) -> list[Realignment]:
    """Plan for both sinks of a data set, and carry it out if asked to."""
    create_layers(settings, contract)
    topic = describe_topic(settings, contract.topic)
    mysql, bronze = read_states(settings, contract)
    plans = [plan(mysql, topic), plan(bronze, topic)]
    if apply:
        _apply(settings, contract, topic, (mysql, bronze), plans)
    return plans


def _apply(
    settings: Settings,
    contract: Contract,
    topic: TopicState,
    states: tuple[SinkState, SinkState],
    plans: list[Realignment],
) -> None:
    epoch = epoch_of(topic, *states)
    for_mysql, for_bronze = plans
    if for_mysql.is_new_epoch:
        adopt_in_mysql(settings, contract, epoch, for_mysql.starts)
    elif for_mysql.reason:
        move_mysql(settings, contract, epoch, for_mysql.starts)
    if for_bronze.reason:
        adopt_in_bronze(settings, contract, epoch, for_bronze.starts)
