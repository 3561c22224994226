"""Kafka: topics, their offsets, and how records are sent. The only importer of a Kafka client."""

from courant.stores.kafka.counting import count_committed
from courant.stores.kafka.sending import RecordSender
from courant.stores.kafka.streaming import range_options, stream_options
from courant.stores.kafka.topics import (
    IdentityReader,
    TopicState,
    check_broker,
    describe_topic,
    ensure_topics,
    topic_identity,
)

__all__ = [
    "IdentityReader",
    "RecordSender",
    "TopicState",
    "check_broker",
    "count_committed",
    "describe_topic",
    "ensure_topics",
    "range_options",
    "stream_options",
    "topic_identity",
]
