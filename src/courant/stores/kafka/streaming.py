"""What Spark's Kafka source is told."""

from __future__ import annotations

import json

from courant.settings import Settings

_REQUEST_TIMEOUT_MS = 30_000  # Kafka's own default


def stream_options(settings: Settings, topic: str, positions: dict[int, int]) -> dict[str, str]:
    """Give Spark's Kafka source the whole topic from these offsets on, committed records only."""
    patience_ms = max(1, settings.ingest.wait_for_server_s) * 1000
    return {
        "kafka.bootstrap.servers": settings.kafka.bootstrap_servers,
        "subscribe": topic,
        "startingOffsets": json.dumps({topic: {str(p): offset for p, offset in positions.items()}}),
        "kafka.isolation.level": "read_committed",
        "failOnDataLoss": "true",
        "maxOffsetsPerTrigger": str(settings.ingest.max_offsets_per_trigger),
        # A broker that is down is waited for: on the driver, which asks for offsets, and where records are read.
        "kafka.default.api.timeout.ms": str(patience_ms),
        "kafka.request.timeout.ms": str(min(patience_ms, _REQUEST_TIMEOUT_MS)),  # must not be the longer one
        "kafkaConsumer.pollTimeoutMs": str(patience_ms),
        "kafka.max.partition.fetch.bytes": str(max(8 << 20, settings.kafka.max_message_bytes)),
    }
