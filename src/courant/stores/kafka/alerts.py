"""Alerts for people and programs: one JSON message each, on a topic that all kinds of them share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from courant.domain.alert import Alert, to_message
from courant.settings import Settings
from courant.stores.kafka.client import client_properties, down, our_error, our_errors
from courant.stores.kafka.sending import RecordSender
from courant.stores.kafka.topics import describe_topic, ensure_named, topic_identity

ALERTS = "alerts"


@dataclass(frozen=True, slots=True)
class AlertRecord:
    """A record of the topic as it came."""

    partition: int
    offset: int
    value: bytes | None


class AlertReader:
    """Reads the topic from given positions on; nothing is committed anywhere.

    Parameters
    ----------
    positions
        The next offset per partition; partitions that are not named are read from their start.

    Raises
    ------
    KafkaDownError
        If no broker answers.
    """

    def __init__(self, settings: Settings, positions: Mapping[int, int]) -> None:
        self._settings = settings
        partitions = describe_topic(settings, ALERTS).log_end
        self._consumer = Consumer(
            client_properties(settings)
            | {
                "group.id": "courant-alerts",  # the client wants one; it is never used
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",  # where retention was quicker than this
                "fetch.wait.max.ms": 50,
            }
        )
        self._consumer.assign(
            [TopicPartition(ALERTS, p, positions.get(p, OFFSET_BEGINNING)) for p in partitions]
        )

    def read(self, *, count: int, wait_s: float) -> list[AlertRecord]:
        """Give the next records, none if none came in time."""
        found = []
        with our_errors(self._settings, ALERTS):
            for message in self._consumer.consume(count, wait_s):
                if error := message.error():
                    raise our_error(self._settings, ALERTS, error)
                partition, offset = message.partition(), message.offset()
                assert partition is not None and offset is not None  # noqa: S101 - a record has both
                found.append(AlertRecord(partition, offset, message.value()))
        return found

    def close(self) -> None:
        """End the consumer."""
        self._consumer.close()


def alerts_topic(settings: Settings) -> tuple[str, int]:
    """Give the id and the number of partitions of the alerts' topic, which is made if it is missing.

    Raises
    ------
    KafkaDownError
        If no broker answers.
    """
    ensure_named(settings, [ALERTS])
    return topic_identity(settings, ALERTS)


def send_alerts(settings: Settings, alerts: Iterable[Alert]) -> None:
    """Send alerts and wait until the broker has them; makes the topic if it is missing.

    Alerts of one rule and subject stay in order.

    Raises
    ------
    KafkaDownError
        If the broker does not take them.
    """
    chosen = list(alerts)
    if not chosen:
        return
    ensure_named(settings, [ALERTS])
    with RecordSender(settings, ALERTS) as sender:
        sender.send(["|".join(alert.key) for alert in chosen], [to_message(alert) for alert in chosen])
    if sender.failed:
        raise down(settings, sender.first_failure)
