"""What the Kafka store says of a real broker."""

from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType
from kafka import TopicPartition
from kafka.admin import KafkaAdminClient

from courant.domain.contract import Contract, load_contracts
from courant.errors import KafkaDownError, OffsetsLostError, TopicMissingError
from courant.settings import PROJECT_ROOT, Settings
from courant.stores.kafka import RecordSender, count_committed, describe_topic, ensure_topics


@pytest.fixture
def topic(stack: Settings) -> str:
    """Give an empty topic of four partitions."""
    contract = replace(_balance(), topic=f"test.{uuid4().hex[:8]}")
    ensure_topics(stack, [contract])
    return contract.topic


@pytest.fixture
def transaction(stack: Settings, topic: str) -> Callable[..., Producer]:
    """Give a function that writes records to a partition inside a transaction, left open."""

    def begin(partition: int, records: int) -> Producer:
        producer = Producer(
            {"bootstrap.servers": stack.kafka.bootstrap_servers, "transactional.id": uuid4().hex}
        )
        producer.init_transactions()
        producer.begin_transaction()
        for number in range(records):
            producer.produce(topic, value=str(number), partition=partition)
        producer.flush()
        return producer

    return begin


def _balance() -> Contract:
    return load_contracts(PROJECT_ROOT / "contracts")["balance"]


def test_a_topic_is_made_once_with_what_the_settings_say(stack: Settings, topic: str) -> None:
    first = describe_topic(stack, topic)

    ensure_topics(stack, [replace(_balance(), topic=topic)])

    assert describe_topic(stack, topic) == first
    assert first.log_start == first.log_end == first.stable_end == dict.fromkeys(range(4), 0)
    admin = AdminClient({"bootstrap.servers": stack.kafka.bootstrap_servers})
    resource = ConfigResource(ResourceType.TOPIC, topic)
    config = admin.describe_configs([resource])[resource].result()
    assert config["cleanup.policy"].value == "delete"
    assert config["max.message.bytes"].value == "4194304"


def test_the_id_of_a_topic_is_in_kafkas_own_text_form(stack: Settings) -> None:
    """22 characters of the URL-safe alphabet: the other base64 alphabet shows in about half of all ids."""
    contracts = [replace(_balance(), topic=f"test.{uuid4().hex[:8]}") for _ in range(8)]

    ensure_topics(stack, contracts)

    for contract in contracts:
        topic_id = describe_topic(stack, contract.topic).topic_id
        assert len(topic_id) == 22
        assert set(topic_id).isdisjoint("+/=")


def test_a_topic_that_is_made_again_has_another_id(stack: Settings, topic: str) -> None:
    before = describe_topic(stack, topic).topic_id
    admin = AdminClient({"bootstrap.servers": stack.kafka.bootstrap_servers})
    admin.delete_topics([topic])[topic].result()

    ensure_topics(stack, [replace(_balance(), topic=topic)])

    assert describe_topic(stack, topic).topic_id != before


def test_offsets_tell_what_was_written_and_what_is_still_kept(stack: Settings, topic: str) -> None:
    with RecordSender(stack, topic) as sender:
        sender.send(["abc"] * 10, ["{}"] * 10)  # murmur2 puts abc into partition 3
    admin = KafkaAdminClient(bootstrap_servers=stack.kafka.bootstrap_servers)
    try:
        admin.delete_records({TopicPartition(topic, 3): 4})
    finally:
        admin.close()

    state = describe_topic(stack, topic)

    assert state.log_start == {0: 0, 1: 0, 2: 0, 3: 4}
    assert state.log_end == {0: 0, 1: 0, 2: 0, 3: 10}


def test_counting_leaves_out_markers_and_aborted_records(
    stack: Settings, topic: str, transaction: Callable[..., Producer]
) -> None:
    transaction(0, 10).commit_transaction()  # offsets 0 to 9, marker at 10
    transaction(0, 5).abort_transaction()  # 11 to 15, marker at 16
    transaction(0, 3).commit_transaction()  # 17 to 19, marker at 20
    transaction(1, 7).abort_transaction()  # nothing to see, and nothing after it

    assert describe_topic(stack, topic).log_end == {0: 21, 1: 8, 2: 0, 3: 0}
    assert count_committed(stack, topic, ranges={0: (0, 21), 1: (0, 8), 2: (0, 0), 3: (0, 5)}) == {
        0: 13,
        1: 0,
        2: 0,
        3: 0,
    }
    assert count_committed(stack, topic, ranges={0: (5, 18)}) == {0: 5 + 1}


def test_counting_ends_before_an_open_transaction(
    stack: Settings, topic: str, transaction: Callable[..., Producer]
) -> None:
    transaction(2, 4).commit_transaction()
    still_open = transaction(2, 6)

    try:
        state = describe_topic(stack, topic)
        assert (state.stable_end[2], state.log_end[2]) == (5, 11)
        assert count_committed(stack, topic, ranges={2: (0, 11)}) == {2: 4}
    finally:
        still_open.abort_transaction()


def test_counting_many_records_in_several_partitions(stack: Settings, topic: str) -> None:
    with RecordSender(stack, topic) as sender:
        sender.send([f"key-{number % 97}" for number in range(50_000)], ["{}"] * 50_000)
    ends = describe_topic(stack, topic).log_end

    counts = count_committed(stack, topic, ranges={p: (0, end) for p, end in ends.items()})

    assert counts == ends
    assert sum(counts.values()) == 50_000


def test_counting_from_offsets_that_are_gone_is_an_error(stack: Settings, topic: str) -> None:
    with pytest.raises(OffsetsLostError, match="Partition 0"):
        count_committed(stack, topic, ranges={0: (100, 200)})


def test_a_topic_that_is_missing_is_named(stack: Settings) -> None:
    with pytest.raises(TopicMissingError, match=r"no topic test\.absent"):
        describe_topic(stack, "test.absent")


def test_without_an_address_the_error_says_how_to_get_one(stack: Settings) -> None:
    nowhere = stack.model_copy(update={"kafka": stack.kafka.model_copy(update={"bootstrap_servers": ""})})

    with pytest.raises(KafkaDownError, match="COURANT_KAFKA_BOOTSTRAP_SERVERS"):
        describe_topic(nowhere, "any")
