"""What NiFi could not read: kept on a topic of its own, as it was, with the reason in the record's headers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from confluent_kafka import Message, TopicPartition

from courant.errors import TopicMissingError
from courant.settings import Settings
from courant.stores.kafka.client import our_errors
from courant.stores.kafka.counting import committed_reader, messages_until
from courant.stores.kafka.topics import describe_topic


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A piece of a file or an answer that no row could be made of."""

    dataset: str
    source: str  # the file's name, or the address
    reason: str
    rows: int  # of the source, that lie in it; 0 in further parts of a row that is cut
    content: bytes


def read_dead_letters(settings: Settings) -> list[DeadLetter]:
    """Read all dead letters that Kafka still holds, in order within each partition.

    Raises
    ------
    KafkaDownError
        If no broker answers.
    """
    topic = settings.nifi.dead_letter_topic
    try:
        state = describe_topic(settings, topic)
    except TopicMissingError:  # nothing was ever deployed
        return []
    ranges = {p: (start, state.stable_end[p]) for p, start in state.log_start.items()}
    with our_errors(settings, topic):
        return [_letter(message) for message in _messages(settings, topic, ranges)]


def _messages(settings: Settings, topic: str, ranges: dict[int, tuple[int, int]]) -> Iterator[Message]:
    unread = {p for p, (start, end) in ranges.items() if end > start}
    consumer = committed_reader(settings)
    try:
        consumer.assign([TopicPartition(topic, p, ranges[p][0]) for p in unread])
        for message in messages_until(consumer, done=lambda: not unread):
            if message.error() is None:
                yield message
            else:  # the end of a partition
                unread.discard(message.partition() or 0)
    finally:
        consumer.close()


def _letter(message: Message) -> DeadLetter:
    pairs = cast("list[tuple[str, bytes | None]]", message.headers() or [])
    headers = {name: (value or b"").decode(errors="replace") for name, value in pairs}
    rows = headers.get("rows", "")
    return DeadLetter(
        dataset=headers.get("dataset", ""),
        source=headers.get("source", ""),
        reason=headers.get("reason", ""),
        rows=int(rows) if rows.isdigit() else 0,
        content=message.value() or b"",
    )
