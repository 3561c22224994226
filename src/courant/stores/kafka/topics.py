"""Topics: making them, and what the broker says of one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicCollection, TopicPartition, Uuid
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec, TopicDescription

from courant.domain.contract import Contract
from courant.settings import Settings
from courant.stores.kafka.client import (
    ANSWER_WITHIN_S,
    client_properties,
    code_of,
    connect,
    our_errors,
    patiently,
)


@dataclass(frozen=True, slots=True)
class TopicState:
    """What the broker says of one topic at one moment."""

    topic: str
    topic_id: str  # Kafka's own id, in its own text form; a recreated topic has another
    log_start: dict[int, int]  # partition -> first offset that is still kept
    log_end: dict[int, int]  # partition -> the offset after the last one written
    stable_end: dict[int, int]  # partition -> where a read_committed reader stops: before open transactions


def ensure_topics(settings: Settings, contracts: Iterable[Contract]) -> None:
    """Make the topics that are missing; leave the others as they are.

    Raises
    ------
    KafkaDownError
        If no broker answers.
    """
    ensure_named(settings, {contract.topic for contract in contracts})


def ensure_named(settings: Settings, names: Iterable[str]) -> None:
    """Make the topics of these names that are missing; raises as `ensure_topics`."""
    with our_errors(settings):
        admin = connect(settings)
        missing = set(names) - set(admin.list_topics(timeout=ANSWER_WITHIN_S).topics)
        if missing:
            _create_topics(admin, settings, sorted(missing))


def check_broker(settings: Settings) -> None:
    """Raise KafkaDownError if no broker answers."""
    with our_errors(settings):
        connect(settings)


def describe_topic(settings: Settings, topic: str) -> TopicState:
    """Read a topic's id and its offsets per partition.

    Raises
    ------
    KafkaDownError
        If no broker answers.
    TopicMissingError
        If the broker has no such topic.
    """
    with our_errors(settings, topic):
        admin = connect(settings)
        described = _describe(admin, topic)
        partitions = sorted(partition.id for partition in described.partitions)
        return TopicState(
            topic=topic,
            topic_id=_java_text(described.topic_id),
            log_start=_offsets(admin, topic, partitions, spec=OffsetSpec.earliest()),
            log_end=_offsets(admin, topic, partitions, spec=OffsetSpec.latest()),
            stable_end=_offsets(admin, topic, partitions, spec=OffsetSpec.latest(), committed=True),
        )


def topic_identity(settings: Settings, topic: str) -> tuple[str, int]:
    """Read a topic's id and its number of partitions once; raises as `IdentityReader.read`."""
    return IdentityReader(settings, topic).read()


class IdentityReader:
    """Reads one topic's id and number of partitions, again and again over one connection: to make one takes longer."""

    def __init__(self, settings: Settings, topic: str) -> None:
        self._settings, self._topic = settings, topic
        self._admin = AdminClient(client_properties(settings))

    def read(self) -> tuple[str, int]:
        """Ask the broker.

        Raises
        ------
        KafkaDownError, TopicMissingError
            If no broker answers, or it has no such topic.
        """
        with our_errors(self._settings, self._topic):
            described = _describe(self._admin, self._topic)
            return _java_text(described.topic_id), len(described.partitions)


def _create_topics(admin: AdminClient, settings: Settings, names: list[str]) -> None:
    config = {"cleanup.policy": "delete", "max.message.bytes": str(settings.kafka.max_message_bytes)}
    partitions = settings.kafka.partitions
    wanted = [NewTopic(n, num_partitions=partitions, replication_factor=1, config=config) for n in names]
    for future in admin.create_topics(wanted, request_timeout=ANSWER_WITHIN_S).values():
        try:
            future.result()
        except KafkaException as error:
            if code_of(error) != KafkaError.TOPIC_ALREADY_EXISTS:  # another process was quicker
                raise
    for name in names:
        _await_leaders(admin, name)


def _await_leaders(admin: AdminClient, topic: str) -> None:
    """Wait until the broker serves a topic that was just made."""
    described = patiently(_describe, admin, topic, also={KafkaError.UNKNOWN_TOPIC_OR_PART})
    _offsets(admin, topic, [partition.id for partition in described.partitions], spec=OffsetSpec.latest())


def _describe(admin: AdminClient, topic: str) -> TopicDescription:
    futures = admin.describe_topics(TopicCollection([topic]), request_timeout=ANSWER_WITHIN_S)
    described: TopicDescription = futures[topic].result()
    return described


def _java_text(topic_id: Uuid) -> str:
    """Write the id as Kafka's own tools do; this client uses the other base64 alphabet."""
    return str(topic_id).rstrip("=").translate(str.maketrans("+/", "-_"))


def _offsets(
    admin: AdminClient, topic: str, partitions: list[int], *, spec: OffsetSpec, committed: bool = False
) -> dict[int, int]:
    level = IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED
    wanted = {TopicPartition(topic, partition): spec for partition in partitions}

    def ask() -> dict[int, int]:
        futures = admin.list_offsets(wanted, isolation_level=level, request_timeout=ANSWER_WITHIN_S)
        return {partition.partition: future.result().offset for partition, future in futures.items()}

    return dict(sorted(patiently(ask).items()))
