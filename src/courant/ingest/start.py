"""Where a sink reads on from: its own committed position, held against the topic as it is now."""

from __future__ import annotations

from dataclasses import dataclass

from courant.errors import CourantError, OffsetsLostError, PartitionsChangedError, TopicRecreatedError
from courant.stores.kafka import TopicState


@dataclass(frozen=True, slots=True)
class SinkState:
    """What one sink has committed."""

    sink: str  # "MySQL" or "bronze"
    dataset: str
    topic_ids: tuple[str, ...]  # the topic's lives it has taken records from, oldest first
    positions: dict[int, int]  # next offset per partition in the last of them; empty before the first start


def check_start(state: SinkState, topic: TopicState) -> None:
    """Refuse to start where reading on would skip a record in silence.

    Raises
    ------
    TopicRecreatedError
        If the topic is another than the one the sink's offsets belong to.
    PartitionsChangedError
        If partitions were added to it.
    OffsetsLostError
        If the log no longer holds the sink's next record, or ends before it.
    """
    if not state.topic_ids:
        return
    if state.topic_ids[-1] != topic.topic_id:
        raise _refusal(
            TopicRecreatedError,
            state,
            f"stands in topic {topic.topic} with id {state.topic_ids[-1]}, but the broker's has id {topic.topic_id}: "
            f"it was recreated. What the sink had not read of the old one, from {state.positions} on, is gone",
        )
    if set(state.positions) != set(topic.log_end):
        raise _refusal(
            PartitionsChangedError,
            state,
            f"knows partitions {_span(state.positions)} of {topic.topic}, but the topic now has {_span(topic.log_end)}",
        )
    for partition, position in sorted(state.positions.items()):
        _check_partition(state, topic, partition, position)


def _check_partition(state: SinkState, topic: TopicState, partition: int, position: int) -> None:
    start, end = topic.log_start[partition], topic.log_end[partition]
    if position < start:
        raise _refusal(
            OffsetsLostError,
            state,
            f"needs offset {position} of {topic.topic} partition {partition}, but retention removed "
            f"[{position}, {start}): {start - position} offsets are lost to it",
        )
    if position > end:
        raise _refusal(
            OffsetsLostError,
            state,
            f"stands at offset {position} of {topic.topic} partition {partition}, but the log ends at {end}: "
            "the broker is an older copy of itself",
        )


def _refusal(kind: type[CourantError], state: SinkState, found: str) -> CourantError:
    return kind(
        f"{state.sink} of {state.dataset} {found}.",
        remedy=f"`courant realign {state.dataset}` shows what would be lost, and with --yes reads on from there",
    )


def _span(partitions: dict[int, int]) -> str:
    return f"0-{max(partitions)}" if partitions else "none"
