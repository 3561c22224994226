"""The newest records of topics, followed by one thread for whoever wants to look; nothing is committed anywhere."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from courant.errors import CourantError
from courant.settings import Settings
from courant.stores.kafka.topics import check_broker

logging.getLogger("kafka").setLevel(logging.CRITICAL)  # what is wrong is in `Tail.problem`

_POLL_MS = 200
_SILENT_S = 3.0  # without a record, whether the broker is there is asked
_ANSWER_WITHIN_MS = 5_000
_POLLED_RECORDS = 2_000
_AGAIN_AFTER_S = 2.0
_RATE_S = 10


@dataclass(frozen=True, slots=True)
class Arrival:
    """A record as it came."""

    topic: str
    partition: int
    offset: int
    broker_s: float  # its timestamp in Kafka, seconds since 1970
    arrived_s: float
    value: bytes | None


class Tail:
    """Follows topics from given positions on, and keeps the newest records of each.

    Parameters
    ----------
    settings
        Asked again whenever the broker was lost: started anew, it may listen elsewhere.
    topics
        Their names.
    start
        Asked once for each topic: the next offset per partition; partitions that it does not name begin at their end.
    kept
        How many records of a topic are kept; the oldest go first.
    """

    def __init__(
        self,
        settings: Callable[[], Settings],
        topics: Iterable[str],
        start: Callable[[str], Mapping[int, int]],
        *,
        kept: int = 20_000,
    ) -> None:
        self._settings, self._start = settings, start
        self._records = {topic: deque[Arrival](maxlen=kept) for topic in topics}
        self._positions: dict[TopicPartition, int] = {}
        self._counts: deque[tuple[float, int]] = deque()
        self._lock, self._ended = threading.Lock(), threading.Event()
        self.problem = ""  # why nothing can arrive at the moment; empty where all is well
        self._thread = threading.Thread(target=self._run, name="courant-tail", daemon=True)
        self._thread.start()

    def newest(self, topic: str, count: int | None = None) -> list[Arrival]:
        """Give the newest records of a topic, the oldest of them first; all that are kept without a count."""
        with self._lock:
            found = list(self._records[topic])
        return found if count is None else found[-count:]

    def per_second(self) -> float:
        """Give how many records a second have arrived lately."""
        now = time.time()
        with self._lock:
            return sum(count for at, count in self._counts if now - at <= _RATE_S) / _RATE_S

    def close(self) -> None:
        """End the thread."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self._follow()
            except CourantError as error:
                self.problem = error.message
            except (KafkaError, OSError) as error:
                self.problem = f"Kafka broke off ({type(error).__name__}: {error})"
            self._ended.wait(_AGAIN_AFTER_S if self.problem else 0)

    def _follow(self) -> None:
        settings = self._settings()
        check_broker(settings)  # the consumer would try for half a minute, and leave sockets behind
        consumer = KafkaConsumer(
            bootstrap_servers=settings.kafka.bootstrap_servers,
            group_id=None,
            enable_auto_commit=False,
            isolation_level="read_committed",
            auto_offset_reset="earliest",  # where retention was quicker than this
            request_timeout_ms=_ANSWER_WITHIN_MS,
        )
        try:
            partitions = self._assign(consumer)
            heard = time.monotonic()
            while not self._ended.is_set():
                polled = consumer.poll(timeout_ms=_POLL_MS, max_records=_POLLED_RECORDS)
                self._keep([record for records in polled.values() for record in records])
                if not polled and time.monotonic() - heard > _SILENT_S:
                    consumer.end_offsets(partitions)  # raises where the broker is gone: poll just waits
                if polled or time.monotonic() - heard > _SILENT_S:
                    heard, self.problem = time.monotonic(), ""
        finally:
            consumer.close()

    def _assign(self, consumer: KafkaConsumer) -> list[TopicPartition]:
        """Go on where this thread stood, else begin where it was told to."""
        partitions = [
            TopicPartition(topic, number)
            for topic in self._records
            for number in consumer.partitions_for_topic(topic) or ()
        ]
        consumer.assign(partitions)
        ends = consumer.end_offsets(partitions)
        starts = {topic: self._start(topic) for topic in self._records}
        for partition in partitions:
            begin = min(starts[partition.topic].get(partition.partition, ends[partition]), ends[partition])
            consumer.seek(partition, self._positions.get(partition, begin))
        self.problem = ""
        return partitions

    def _keep(self, polled: list[Any]) -> None:
        now = time.time()
        with self._lock:
            for one in polled:
                self._positions[TopicPartition(one.topic, one.partition)] = one.offset + 1
                self._records[one.topic].append(
                    Arrival(one.topic, one.partition, one.offset, one.timestamp / 1000, now, one.value)
                )
            self._counts.append((now, len(polled)))
            while self._counts and now - self._counts[0][0] > _RATE_S:
                self._counts.popleft()
