"""What Spark's Kafka source is told."""

from __future__ import annotations

import json

from courant.settings import Settings


def stream_options(settings: Settings, topic: str, positions: dict[int, int]) -> dict[str, str]:
    """Give Spark's Kafka source the whole topic from these offsets on, committed records only."""
    return {
        "kafka.bootstrap.servers": settings.kafka.bootstrap_servers,
        "subscribe": topic,
        "startingOffsets": json.dumps({topic: {str(p): offset for p, offset in positions.items()}}),
        "kafka.isolation.level": "read_committed",
        "failOnDataLoss": "true",
        "maxOffsetsPerTrigger": str(settings.ingest.max_offsets_per_trigger),
        "kafka.max.partition.fetch.bytes": str(max(8 << 20, settings.kafka.max_message_bytes)),
    }
