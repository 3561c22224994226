"""What Spark's Kafka source is told."""

from __future__ import annotations

import pytest

from courant.settings import load_settings
from courant.stores.kafka import range_options, stream_options

SETTINGS = load_settings()
OPTIONS = {
    "stream": stream_options(SETTINGS, "readings", {0: 5}),
    "range": range_options(SETTINGS, "readings", {0: 5}, {0: 9}),
}


@pytest.mark.parametrize("kind", OPTIONS)
def test_no_fetch_waits_for_records_yet_to_come(kind: str) -> None:
    """Spark's question for the log's ends would wait behind it, half a second by default, for each read."""
    assert int(OPTIONS[kind]["kafka.fetch.max.wait.ms"]) <= 5
