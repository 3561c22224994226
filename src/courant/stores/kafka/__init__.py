"""Kafka: topics, their offsets, and how records are sent. The only importer of a Kafka client."""

from courant.stores.kafka.counting import count_committed
from courant.stores.kafka.sending import RecordSender
from courant.stores.kafka.streaming import stream_options
from courant.stores.kafka.topics import (
    TopicState,
    check_broker,
    describe_topic,
    ensure_topics,
    topic_identity,
)

__all__ = [
    "RecordSender",
    "TopicState",
    "check_broker",
    "count_committed",
    "describe_topic",
    "ensure_topics",
    "stream_options",
    "topic_identity",
]
