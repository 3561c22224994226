"""A topic that is recreated or grows while it is read must stop the stream, not slip into it."""

from __future__ import annotations

import tenacity

from courant.errors import KafkaDownError, PartitionsChangedError, TopicRecreatedError
from courant.settings import Settings
from courant.stores.kafka import IdentityReader, TopicState


class TopicWatch:
    """Compares the topic with what it was at the start."""

    def __init__(self, settings: Settings, topic: TopicState) -> None:
        self.settings, self.topic = settings, topic
        self._reader = IdentityReader(settings, topic.topic)

    def check(self) -> None:
        """Ask the broker, waiting for one that is away.

        Raises
        ------
        KafkaDownError
            If it stays away for longer than `ingest.wait_for_server_s`.
        TopicRecreatedError, PartitionsChangedError
            If the topic is another, or has other partitions, than at the start.
        """
        topic_id, partitions = self._ask()
        if topic_id != self.topic.topic_id:
            raise TopicRecreatedError(
                f"The topic {self.topic.topic} was recreated while it was read: "
                f"its id was {self.topic.topic_id} and is {topic_id}",
                remedy="start the ingest again: it tells what each sink had not read",
            )
        if partitions != len(self.topic.log_end):
            raise PartitionsChangedError(
                f"The topic {self.topic.topic} had {len(self.topic.log_end)} partitions and now has {partitions}",
                remedy="start the ingest again: it names the command that takes the new ones in",
            )

    def _ask(self) -> tuple[str, int]:
        waiting = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(KafkaDownError),
            wait=tenacity.wait_fixed(1),
            stop=tenacity.stop_after_delay(self.settings.ingest.wait_for_server_s),
            reraise=True,
        )
        return waiting(self._reader.read)
