"""What Spark's Kafka source is told."""

from __future__ import annotations

import json

from courant.settings import Settings

_REQUEST_TIMEOUT_MS = 30_000  # Kafka's own default


def stream_options(settings: Settings, topic: str, positions: dict[int, int]) -> dict[str, str]:
    """Give Spark's Kafka source the whole topic from these offsets on, committed records only."""
    return _options(settings) | {
        "subscribe": topic,
        "startingOffsets": _offsets(topic, positions),
        "maxOffsetsPerTrigger": str(settings.ingest.max_offsets_per_trigger),
        # Spark asks for the log's ends after each read, and keeps the records of the last one for minutes.
        "kafka.max.poll.records": "2000",
    }


def range_options(
    settings: Settings, topic: str, starts: dict[int, int], ends: dict[int, int]
) -> dict[str, str]:
    """Give Spark's Kafka source some offsets of the partitions that `starts` names, each up to before its end."""
    return _options(settings) | {
        "assign": json.dumps({topic: sorted(starts)}),
        "startingOffsets": _offsets(topic, starts),
        "endingOffsets": _offsets(topic, {partition: ends[partition] for partition in starts}),
    }


def _offsets(topic: str, positions: dict[int, int]) -> str:
    return json.dumps({topic: {str(partition): offset for partition, offset in positions.items()}})


def _options(settings: Settings) -> dict[str, str]:
    patience_ms = max(1, settings.ingest.wait_for_server_s) * 1000
    return {
        "kafka.bootstrap.servers": settings.kafka.bootstrap_servers,
        "kafka.isolation.level": "read_committed",
        "failOnDataLoss": "true",
        # A broker that is down is waited for: on the driver, which asks for offsets, and where records are read.
        "kafka.default.api.timeout.ms": str(patience_ms),
        "kafka.request.timeout.ms": str(min(patience_ms, _REQUEST_TIMEOUT_MS)),  # must not be the longer one
        "kafkaConsumer.pollTimeoutMs": str(patience_ms),
        # What a batch reads is there. After each read Spark asks for the log's ends, on the connection on which
        # the consumer has sent a fetch ahead: if that one waited for records, so would the answer, for up to 0.5 s.
        "kafka.fetch.max.wait.ms": "1",
        "kafka.max.partition.fetch.bytes": str(max(8 << 20, settings.kafka.max_message_bytes)),
    }
