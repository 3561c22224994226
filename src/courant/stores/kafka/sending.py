"""Sending records, each key in order to its partition."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from courant.settings import Settings
from courant.stores.kafka.client import client_properties, connect, down, our_errors

DELIVERY_TIMEOUT_MS = 300_000  # a broker restart is survived for as long


class RecordSender:
    """An idempotent producer that partitions by key as the Java client does, and counts.

    Records of one key stay in order, in one partition. `acknowledged` grows when every
    in-sync replica has a record. Use it as a context: leaving waits for what is under way.
    """

    def __init__(self, settings: Settings, topic: str) -> None:
        self.topic = topic
        self.sent = 0
        self.failed = 0
        self.first_failure = ""
        self._is_cut_off = False
        self._settings = settings
        with our_errors(settings, topic):
            connect(settings)
        self._producer = Producer(_producer_properties(settings))

    @property
    def acknowledged(self) -> int:
        """Records that the broker has confirmed so far."""
        return self.sent - self.failed - len(self._producer)

    def send(self, keys: Iterable[str | bytes], values: Iterable[str | bytes]) -> None:
        """Hand over records of the same length of keys and values; blocks while the queue is full.

        Raises
        ------
        KafkaDownError
            If records stayed unacknowledged for longer than the delivery timeout.
        """
        if self._is_cut_off:
            raise down(self._settings, self.first_failure)
        produce, topic = self._producer.produce, self.topic
        for key, value in zip(keys, values, strict=True):
            try:
                produce(topic, value, key, on_delivery=self._on_failure)
            except BufferError:
                self._send_when_there_is_room(key, value)
            except KafkaException as error:  # this record alone: larger than the topic takes, for one
                self._note_failure(error.args[0])
            self.sent += 1
        self._producer.poll(0)

    def flush(self) -> None:
        """Wait until each record is acknowledged or has failed.

        Raises
        ------
        KafkaDownError
            If records stay unacknowledged for longer than the delivery timeout.
        """
        if self._producer.flush(DELIVERY_TIMEOUT_MS / 1000 + 10):
            raise down(self._settings, f"{len(self._producer)} records are not acknowledged")

    def __enter__(self) -> RecordSender:
        """Send within a context."""
        return self

    def __exit__(self, *_exception: object) -> None:
        """Wait for what is under way, also when the sending was interrupted."""
        self.flush()

    def _send_when_there_is_room(self, key: str | bytes, value: str | bytes) -> None:
        while True:
            self._producer.poll(0.05)
            try:
                return self._producer.produce(self.topic, value, key, on_delivery=self._on_failure)
            except BufferError:
                continue

    def _on_failure(self, error: KafkaError | None, _message: Message) -> None:
        """Count a record that was given up; reporting each success as well would cost as much as sending."""
        if error is not None:
            self._note_failure(error)

    def _note_failure(self, error: KafkaError) -> None:
        self.failed += 1
        self.first_failure = self.first_failure or error.str()
        self._is_cut_off |= error.fatal() or error.code() == KafkaError._MSG_TIMED_OUT


def _producer_properties(settings: Settings) -> dict[str, Any]:
    return {
        **client_properties(settings),
        "enable.idempotence": True,
        "acks": "all",
        "partitioner": "murmur2_random",  # the Java client's; librdkafka's own default is CRC32
        "compression.type": "lz4",
        "linger.ms": 20,
        "batch.size": 1_000_000,
        "message.max.bytes": settings.kafka.max_message_bytes,
        "queue.buffering.max.messages": 200_000,
        "queue.buffering.max.kbytes": 262_144,
        "delivery.timeout.ms": DELIVERY_TIMEOUT_MS,
        "delivery.report.only.error": True,
    }
