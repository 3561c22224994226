"""Counting what a reader of committed records sees."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import cast
from uuid import uuid4

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from courant.errors import OffsetsLostError
from courant.settings import Settings
from courant.stores.kafka.client import ANSWER_WITHIN_S, REFUSED, client_properties, connect, our_errors

_FETCH_RECORDS = 20_000


def count_committed(settings: Settings, topic: str, *, ranges: dict[int, tuple[int, int]]) -> dict[int, int]:
    """Count the records that a read_committed reader sees in each partition's [start, end).

    Transaction markers and aborted records take offsets but are not counted, so a range's
    length is no substitute. A range that reaches beyond the log counts what there is.

    Raises
    ------
    KafkaDownError
        If no broker answers, or none does any more.
    OffsetsLostError
        If retention has removed the start of a range.
    """
    counts = dict.fromkeys(ranges, 0)
    unfinished = {partition: end for partition, (start, end) in ranges.items() if end > start}
    with our_errors(settings, topic):
        connect(settings)
        consumer = committed_reader(settings)
        try:
            consumer.assign([TopicPartition(topic, p, ranges[p][0]) for p in unfinished])
            for message in messages_until(consumer, done=lambda: not unfinished):
                _count(message, counts, unfinished)
        finally:
            consumer.close()
    return counts


def committed_reader(settings: Settings) -> Consumer:
    """Give a consumer that sees committed records only, and is told where a partition ends."""
    return Consumer(
        {
            **client_properties(settings),
            "group.id": f"courant-count-{uuid4()}",  # required by the client; nothing is committed to it
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            "auto.offset.reset": "error",
            "queued.max.messages.kbytes": 131_072,
            "fetch.message.max.bytes": max(1_048_576, settings.kafka.max_message_bytes),
            "fetch.wait.max.ms": 50,
        }
    )


def messages_until(consumer: Consumer, *, done: Callable[[], bool]) -> Iterator[Message]:
    """Give what a consumer reads, ends of partitions too, until it is done; raises where the broker is gone."""
    heard = time.monotonic()
    while not done():
        messages = consumer.consume(_FETCH_RECORDS, timeout=0.2)
        if messages:
            heard = time.monotonic()
        elif time.monotonic() - heard > ANSWER_WITHIN_S:
            consumer.list_topics(timeout=ANSWER_WITHIN_S)  # raises where the broker is gone
            heard = time.monotonic()
        yield from messages


def _count(message: Message, counts: dict[int, int], unfinished: dict[int, int]) -> None:
    """Count one message, or note that its partition is read: by its end, or by an offset beyond the range."""
    partition, error = cast("int", message.partition()), message.error()
    if error is not None:
        _note_end(message, error, unfinished)
    elif partition in unfinished:
        offset, end = cast("int", message.offset()), unfinished[partition]
        counts[partition] += offset < end
        if offset >= end - 1:
            del unfinished[partition]


def _note_end(message: Message, error: KafkaError, unfinished: dict[int, int]) -> None:
    if error.code() == KafkaError._PARTITION_EOF:
        unfinished.pop(cast("int", message.partition()), None)
    elif error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
        raise OffsetsLostError(
            f"Partition {message.partition()} of {message.topic()} no longer has the first records asked for",
            remedy="count from the log start that describe_topic gives",
        )
    elif error.fatal() or error.code() in REFUSED:
        raise KafkaException(error)
