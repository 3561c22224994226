"""Replaying files into a real broker, read back by another client."""

import itertools
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import polars as pl
import pytest
from kafka import KafkaConsumer, TopicPartition
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from courant.domain.calendar import PARIS, slot_of_day
from courant.domain.contract import Contract, load_contracts
from courant.domain.enedis import generate_balance, generate_consumption_inf36, labelled
from courant.errors import InputFileError, KafkaDownError, SettingsError
from courant.generate import generate_file
from courant.replay import ReplayProgress, replay
from courant.settings import PROJECT_ROOT, Settings
from courant.stores.kafka import RecordSender, count_committed, describe_topic, ensure_topics

NOW = datetime(2026, 11, 21, 12, 40, tzinfo=UTC)
COURANT = (sys.executable, "-m", "courant.cli")
REAL_YEAR = (
    Path(os.environ.get("COURANT_REAL_DATA", PROJECT_ROOT.parent / "shared" / "data"))
    / "enedis"
    / "bilan_electrique_2023_halfhourly.csv"
)


@dataclass(frozen=True)
class Record:
    """A record as another client read it."""

    partition: int
    key: str
    value: dict[str, Any]
    sent_at: datetime


@pytest.fixture
def own_topic() -> Callable[[str], Contract]:
    """Give a contract with a topic that no other test writes to."""
    contracts = load_contracts(PROJECT_ROOT / "contracts")
    return lambda name: replace(contracts[name], topic=f"test.{name}.{uuid4().hex[:8]}")


def records(settings: Settings, topic: str) -> list[Record]:
    """Read a whole topic with kafka-python, partition by partition, in order."""
    ends = describe_topic(settings, topic).log_end
    partitions = [TopicPartition(topic, number) for number in ends]
    consumer = KafkaConsumer(bootstrap_servers=settings.kafka.bootstrap_servers, enable_auto_commit=False)
    try:
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        read: list[Record] = []
        while any(consumer.position(p) < ends[p.partition] for p in partitions):
            for batch in consumer.poll(timeout_ms=500).values():
                read.extend(
                    Record(
                        m.partition,
                        m.key.decode(),
                        json.loads(m.value),
                        datetime.fromtimestamp(m.timestamp / 1000, UTC),
                    )
                    for m in batch
                )
    finally:
        consumer.close()
    return sorted(read, key=lambda record: record.partition)


def slots(found: list[Record]) -> list[datetime]:
    return [datetime.fromisoformat(record.value["horodate"]) for record in found]


def published(folder: Path, frame: pl.DataFrame, contract: Contract) -> Path:
    path = folder / "published.csv"
    labelled(frame, contract).write_csv(path, separator=";")
    return path


def test_every_row_is_acknowledged_and_read_once(
    stack: Settings, own_topic: Callable[[str], Contract], tmp_path: Path
) -> None:
    contract = own_topic("consumption_inf36")
    day = generate_consumption_inf36(date(2026, 1, 1), days=1, regions=["75"], seed=7)

    result = replay(stack, contract, published(tmp_path, day, contract))

    assert (result.sent, result.acknowledged, result.failed) == (3_936, 3_936, 0)
    found = records(stack, contract.topic)
    assert len(found) == 3_936
    assert {record.value["region"] for record in found} == {"Nouvelle Aquitaine"}
    assert (
        sum(record.value["total_energie_soutiree_wh"] or 0 for record in found)
        == day["total_energie_soutiree_wh"].sum()
    )


def test_one_keys_records_stay_in_one_partition_in_order(
    stack: Settings, own_topic: Callable[[str], Contract], tmp_path: Path
) -> None:
    contract = own_topic("consumption_inf36")
    day = generate_consumption_inf36(date(2026, 1, 1), days=1, regions=["84", "11"], seed=7)

    replay(stack, contract, published(tmp_path, day, contract))

    by_key: dict[str, list[Record]] = {}
    for record in records(stack, contract.topic):
        by_key.setdefault(record.key, []).append(record)
    assert len(by_key) == 2 * 82
    for found in by_key.values():
        assert len({record.partition for record in found}) == 1
        assert slots(found) == sorted(slots(found))


def test_keys_are_partitioned_by_murmur2_as_the_java_client_does(
    stack: Settings, own_topic: Callable[[str], Contract]
) -> None:
    """Hashes from the vectors in Kafka's own UtilsTest; 4 partitions, sign bit dropped."""
    partition_of = {
        "21": 1_173_551_340 % 4,  # -973932308 & 0x7fffffff
        "foobar": 1_357_151_166 % 4,  # -790332482 & 0x7fffffff
        "a-little-bit-long-string": 1_161_502_112 % 4,  # -985981536 & 0x7fffffff
        "a-little-bit-longer-string": 661_178_819 % 4,  # -1486304829 & 0x7fffffff
        "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": 2_088_585_677 % 4,  # -58897971 & 0x7fffffff
        "abc": 479_470_107 % 4,
    }
    contract = own_topic("balance")
    ensure_topics(stack, [contract])

    with RecordSender(stack, contract.topic) as sender:
        sender.send(list(partition_of), ["{}"] * len(partition_of))

    assert {record.key: record.partition for record in records(stack, contract.topic)} == partition_of


def test_shifting_brings_the_newest_slot_to_the_week_before_now_and_keeps_spacing(
    stack: Settings, own_topic: Callable[[str], Contract], tmp_path: Path
) -> None:
    contract = own_topic("balance")
    days = generate_balance(date(2026, 1, 1), days=3, seed=7)  # ends on Saturday 2026-01-03 23:45 in Paris

    replay(stack, contract, published(tmp_path, days, contract), shift_to=NOW)

    found = records(stack, contract.topic)
    moved = sorted(slots(found))
    assert moved[-1] == datetime(2026, 11, 14, 22, 45, tzinfo=UTC)  # the last Saturday evening before NOW
    assert {later - earlier for earlier, later in itertools.pairwise(moved)} == {timedelta(minutes=15)}
    for record in found:
        was, now = (datetime.fromisoformat(record.value[name]) for name in ("published_slot", "horodate"))
        assert now - was == timedelta(weeks=45)
        assert record.value["weekday"] == was.astimezone(PARIS).isoweekday()
        assert record.value["slot_of_day"] == slot_of_day(was)


@pytest.mark.parametrize(("day", "count"), [(date(2026, 3, 29), 46), (date(2026, 10, 25), 50)])
def test_a_day_of_46_or_50_slots_keeps_every_slot(
    stack: Settings, own_topic: Callable[[str], Contract], tmp_path: Path, day: date, count: int
) -> None:
    contract = own_topic("consumption_inf36")
    frame = generate_consumption_inf36(day, days=1, regions=["84"], seed=7)

    replay(stack, contract, published(tmp_path, frame, contract))

    found = records(stack, contract.topic)
    assert len(set(slots(found))) == count
    assert {record.value["slot_of_day"] for record in found} == set(range(count))
    assert {record.value["paris_day"] for record in found} == {day.isoformat()}


def test_a_loop_moves_each_pass_on_by_the_files_span_in_whole_weeks(
    stack: Settings, own_topic: Callable[[str], Contract], tmp_path: Path
) -> None:
    contract = own_topic("balance")
    days = generate_balance(date(2026, 1, 1), days=8, seed=7)  # more than one week, so two

    def stop_in_the_third_pass(progress: ReplayProgress) -> None:
        if progress.passes == 3:
            raise KeyboardInterrupt

    result = replay(
        stack, contract, published(tmp_path, days, contract), loop=True, on_progress=stop_in_the_third_pass
    )

    assert result.was_interrupted
    assert result.acknowledged == result.sent == 3 * days.height
    by_published: dict[str, list[datetime]] = {}
    for record in records(stack, contract.topic):
        by_published.setdefault(record.value["published_slot"], []).append(
            datetime.fromisoformat(record.value["horodate"])
        )
    for text, found in by_published.items():
        first = datetime.fromisoformat(text)
        assert found == [first, first + timedelta(weeks=2), first + timedelta(weeks=4)]


def test_a_rate_is_kept(stack: Settings, own_topic: Callable[[str], Contract], tmp_path: Path) -> None:
    contract = own_topic("balance")
    rows = generate_balance(date(2026, 1, 1), days=1, seed=7)

    result = replay(stack, contract, published(tmp_path, rows, contract), rate=96)

    assert 95 / 96 <= result.seconds < 10
    sent = [record.sent_at for record in records(stack, contract.topic)]
    assert max(sent) - min(sent) >= timedelta(seconds=0.6)  # 1 s, less a slow start


def test_speed_follows_the_slots_in_their_order_whatever_the_files(
    stack: Settings, own_topic: Callable[[str], Contract], tmp_path: Path
) -> None:
    contract = own_topic("balance")
    path = tmp_path / "unsorted.csv"
    path.write_text(
        "horodate;consommation_totale\n"
        "2026-01-01T01:00:00Z;3\n"
        "2026-01-01T00:00:00Z;1\n"
        "unreadable;2\n"
        "2026-01-01T02:00:00Z;4\n"
    )

    replay(stack, contract, path, speed=7_200)  # an hour in half a second

    found = sorted(records(stack, contract.topic), key=lambda record: record.sent_at)
    assert [record.value["consommation_totale"] for record in found] == [1, 2, 3, 4]
    after = [(record.sent_at - found[0].sent_at).total_seconds() for record in found]
    assert after[1] < 0.3 <= after[2]  # 0 and 0.5, on a busy machine
    assert after[2] + 0.2 <= after[3]  # 1.0


def test_bad_rows_go_out_as_they_are(
    stack: Settings, own_topic: Callable[[str], Contract], tmp_path: Path
) -> None:
    contract = own_topic("balance")
    path = tmp_path / "bad.csv"
    path.write_text("horodate;consommation_totale\n2026-01-01T00:00:00;beaucoup\n;-5\n")

    replay(stack, contract, path)

    found = [(r.value["horodate"], r.value["consommation_totale"]) for r in records(stack, contract.topic)]
    assert sorted(found, key=str) == [("2026-01-01T00:00:00", "beaucoup"), (None, -5)]


def test_a_file_without_a_readable_timestamp_cannot_be_shifted(
    stack: Settings, own_topic: Callable[[str], Contract], tmp_path: Path
) -> None:
    path = tmp_path / "naive.csv"
    path.write_text("horodate;consommation_totale\n2026-01-01T00:00:00;1\n")

    with pytest.raises(InputFileError, match="nothing to shift"):
        replay(stack, own_topic("balance"), path, shift_to=NOW)


@pytest.mark.parametrize("pace", [{"rate": 1, "speed": 1}, {"rate": 0}, {"speed": -1}])
def test_an_impossible_pace_is_refused(
    stack: Settings, own_topic: Callable[[str], Contract], tmp_path: Path, pace: dict[str, float]
) -> None:
    with pytest.raises(SettingsError):
        replay(stack, own_topic("balance"), tmp_path / "any.csv", **pace)


def test_a_broker_that_is_down_is_one_clear_error_within_ten_seconds(
    stack: Settings, own_topic: Callable[[str], Contract], tmp_path: Path
) -> None:
    contract = own_topic("balance")
    path = published(tmp_path, generate_balance(date(2026, 1, 1), days=1, seed=7), contract)
    nowhere = stack.model_copy(
        update={"kafka": stack.kafka.model_copy(update={"bootstrap_servers": "127.0.0.1:1"})}
    )
    started = datetime.now(UTC)

    with pytest.raises(KafkaDownError, match=r"127\.0\.0\.1:1.*\n.*courant up"):
        replay(nowhere, contract, path)

    assert datetime.now(UTC) - started < timedelta(seconds=12)


def test_a_row_that_the_topic_cannot_take_fails_alone(
    stack: Settings, own_topic: Callable[[str], Contract], tmp_path: Path
) -> None:
    contract = own_topic("balance")
    path = tmp_path / "huge.csv"
    rows = [
        "2026-01-01T00:00:00Z;1;small",
        f"2026-01-01T00:30:00Z;2;{'x' * 5_000_000}",
        "2026-01-01T01:00:00Z;3;",
    ]
    path.write_text("\n".join(["horodate;consommation_totale;remark", *rows, ""]))

    result = replay(stack, contract, path)

    assert (result.sent, result.acknowledged, result.failed) == (3, 2, 1)
    assert "too large" in result.first_failure
    assert [record.value["consommation_totale"] for record in records(stack, contract.topic)] == [1, 3]


def test_a_two_megabyte_row_is_taken(
    stack: Settings, own_topic: Callable[[str], Contract], tmp_path: Path
) -> None:
    contract = own_topic("balance")
    path = tmp_path / "large.csv"
    path.write_text(f"horodate;consommation_totale;remark\n2026-01-01T00:00:00Z;1;{'x' * 2_000_000}\n")

    assert replay(stack, contract, path).acknowledged == 1


def test_ctrl_c_flushes_and_prints_what_the_broker_acknowledged(stack: Settings, tmp_path: Path) -> None:
    contract = load_contracts(PROJECT_ROOT / "contracts")["consumption_sup36"]
    path = tmp_path / "day.csv"
    generate_file(contract, path, start=date(2026, 1, 1), days=1, regions=["84"], seed=7)
    before = sum(describe_topic(stack, contract.topic).log_end.values())
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "courant.cli",
            "replay",
            str(path),
            "--dataset",
            contract.name,
            "--rate",
            "500",
            "--loop",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"COURANT_HOME": str(stack.home)},
    )

    _wait_for_records(stack, contract.topic, more_than=before + 200)
    process.send_signal(signal.SIGINT)
    printed, errors = process.communicate(timeout=30)

    arrived = sum(describe_topic(stack, contract.topic).log_end.values()) - before
    assert process.returncode == 0, errors
    assert f"Interrupted: {arrived:,} of {arrived:,} records acknowledged" in printed
    assert "Traceback" not in errors


@retry(retry=retry_if_result(lambda arrived: not arrived), stop=stop_after_delay(60), wait=wait_fixed(0.2))
def _wait_for_records(settings: Settings, topic: str, *, more_than: int) -> bool:
    return sum(describe_topic(settings, topic).log_end.values()) > more_than


@pytest.mark.skipif(not REAL_YEAR.exists(), reason=f"the real year is not at {REAL_YEAR}")
def test_the_real_year_is_replayed_whole(stack: Settings, own_topic: Callable[[str], Contract]) -> None:
    contract = own_topic("balance")

    result = replay(stack, contract, REAL_YEAR)

    assert result.acknowledged == 17_520
    state = describe_topic(stack, contract.topic)
    assert (
        sum(
            count_committed(
                stack, contract.topic, ranges={p: (0, end) for p, end in state.log_end.items()}
            ).values()
        )
        == 17_520
    )
    found = records(stack, contract.topic)
    assert Counter(record.key for record in found) == {"balance": 17_520}
    assert len(set(slots(found))) == 17_520
    assert found[0].value["injection_rte"] == 32_011_244_000
    assert found[0].value["temperature_reelle_lissee"] == 12.2
