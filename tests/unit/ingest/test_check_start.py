"""A start that would skip a record in silence is refused, and says what would be lost."""

from __future__ import annotations

import pytest

from courant.errors import CourantError, OffsetsLostError, PartitionsChangedError, TopicRecreatedError
from courant.ingest.start import SinkState, check_start
from courant.stores.kafka import TopicState

TOPIC = TopicState(
    "readings.balance", "id-2", log_start={0: 10, 1: 0}, log_end={0: 90, 1: 20}, stable_end={0: 90, 1: 20}
)


def state(positions: dict[int, int], *lives: str) -> SinkState:
    return SinkState("MySQL", "balance", lives or ("id-1", "id-2"), positions)


def refusal(of: SinkState) -> CourantError:
    with pytest.raises(CourantError) as caught:
        check_start(of, TOPIC)
    assert "courant realign balance" in caught.value.remedy
    return caught.value


def test_a_sink_that_has_never_read_may_start() -> None:
    check_start(SinkState("MySQL", "balance", (), {}), TOPIC)


@pytest.mark.parametrize("positions", [{0: 10, 1: 0}, {0: 50, 1: 7}, {0: 90, 1: 20}])
def test_a_position_within_the_log_or_at_its_end_may_start(positions: dict[int, int]) -> None:
    check_start(state(positions), TOPIC)


def test_a_recreated_topic_names_both_ids() -> None:
    error = refusal(state({0: 50, 1: 7}, "id-1"))

    assert type(error) is TopicRecreatedError
    assert "id-1" in error.message
    assert "id-2" in error.message


def test_a_topic_that_came_back_with_its_first_id_is_still_another_than_the_last() -> None:
    assert type(refusal(state({0: 50, 1: 7}, "id-2", "id-1"))) is TopicRecreatedError


@pytest.mark.parametrize("positions", [{0: 50}, {0: 50, 1: 7, 2: 0}])
def test_other_partitions_than_known_are_refused(positions: dict[int, int]) -> None:
    error = refusal(state(positions))

    assert type(error) is PartitionsChangedError
    assert "0-1" in error.message


def test_removed_offsets_are_named_as_a_range() -> None:
    error = refusal(state({0: 4, 1: 7}))

    assert type(error) is OffsetsLostError
    assert "[4, 10)" in error.message
    assert "partition 0" in error.message
    assert "6 offsets" in error.message


def test_a_position_beyond_the_end_is_a_broker_that_lost_records() -> None:
    error = refusal(state({0: 91, 1: 7}))

    assert type(error) is OffsetsLostError
    assert "older copy" in error.message


def test_the_sink_and_the_data_set_are_named() -> None:
    assert refusal(state({0: 4, 1: 7})).message.startswith("MySQL of balance ")
