"""What the tests of NiFi's flow share: settings for it, files dropped, topics read, messages compared."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import uuid4

from confluent_kafka import Consumer, TopicPartition
from ingesting import CONTRACTS, own_topic
from nifi_server import NifiServer
from waiting import wait_until

from courant.calendar_file import write_calendar
from courant.domain.contract import Contract
from courant.nifi.parameters import input_folder
from courant.settings import Settings
from courant.stores.kafka import describe_topic
from courant.stores.kafka.dead_letters import DeadLetter, read_dead_letters

Message = tuple[int, str, dict[str, Any]]  # partition, key, value


def for_nifi(stack: Settings, nifi: NifiServer, folder: Path, **changed: object) -> Settings:
    """Give the stack's settings with the test's NiFi, a folder of its own, and a calendar."""
    calendar = folder / "calendar.csv"
    write_calendar(calendar, 2023, 2027)
    own = {
        "url": nifi.url,
        "folder": folder / "in",
        "calendar": calendar,
        "look_every_s": 1,
        "dead_letter_topic": f"test.dead.{uuid4().hex[:8]}",
    }
    return stack.model_copy(update={"nifi": stack.nifi.model_copy(update=own | changed)})


def with_topic(settings: Settings, name: str) -> Contract:
    """Give a data set's contract with a topic that no other test writes to."""
    return own_topic(CONTRACTS[name], settings, f"test.{name}.{uuid4().hex[:8]}")


def same_with_another_topic(settings: Settings, contract: Contract) -> Contract:
    """Give the contract with a second topic, of as many partitions."""
    return own_topic(contract, settings, f"{contract.topic}.replay")


def drop(settings: Settings, contract: Contract, file: Path) -> None:
    """Put a copy of a file where NiFi looks for files of the data set."""
    part = input_folder(settings, contract) / f"{file.name}.part"
    shutil.copyfile(file, part)
    part.rename(part.with_suffix(""))


def arrived(settings: Settings, topic: str) -> int:
    """Count the records of a topic without transactions."""
    return sum(describe_topic(settings, topic).stable_end.values())


def messages(settings: Settings, topic: str, *, at_least: int = 0) -> list[Message]:
    """Wait for so many records, then read the topic: partition by partition, in order, numbers as their digits."""
    wait_until(lambda: arrived(settings, topic) >= at_least)
    return sorted(
        ((p, key.decode(), parsed(value)) for p, key, value in _records(settings, topic)),
        key=lambda one: one[0],
    )


def parsed(value: bytes) -> dict[str, Any]:
    """Read a message's JSON; a number is `Digits`, so 1.50 is not 1.5, and not the text "1.50"."""
    found: dict[str, Any] = json.loads(value, parse_int=Digits, parse_float=Digits)
    return found


class Digits(str):
    """A JSON number, by its digits."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Digits) and str.__eq__(self, other)

    __hash__ = str.__hash__


def fields_only(found: list[Message], contract: Contract) -> list[Message]:
    """Leave the contract's fields; an empty instant is null in NiFi and an empty text in a replay: both mean none."""
    instant = contract.instant.name
    names = [field.name for field in contract.fields]
    return [
        (partition, key, {n: (value.get(n) or None if n == instant else value.get(n)) for n in names})
        for partition, key, value in found
    ]


def dead_rows(settings: Settings) -> Counter[tuple[str, str]]:
    """Count dead rows by source and the first words of the reason."""
    rows: Counter[tuple[str, str]] = Counter()
    for letter in letters(settings):
        rows[letter.source, letter.reason.partition(";")[0]] += letter.rows
    return rows


def letters(settings: Settings) -> list[DeadLetter]:
    """Read the dead letters of this test."""
    return read_dead_letters(settings)


def _records(settings: Settings, topic: str) -> list[tuple[int, bytes, bytes]]:
    ends = describe_topic(settings, topic).stable_end
    consumer = Consumer(
        {
            "bootstrap.servers": settings.kafka.bootstrap_servers,
            "group.id": f"test-{uuid4()}",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
        }
    )
    consumer.assign([TopicPartition(topic, p, 0) for p in ends])
    read: list[tuple[int, bytes, bytes]] = []
    while len(read) < sum(ends.values()):
        batch = consumer.consume(5_000, timeout=10)
        assert batch, f"{len(read)} of {ends}"
        assert not any(message.error() for message in batch)
        read += [(m.partition(), m.key(), m.value()) for m in batch]
    consumer.close()
    return read
