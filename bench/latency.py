"""How long a record takes from the producer to MySQL and to bronze, at a steady pace and warm.

python bench/latency.py [--rate 2000] [--seconds 60] [--warm-up-rows 400000]
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import numpy as np
import ours
import pyarrow.parquet as pq
from confluent_kafka import KafkaError, Message, Producer
from machine import console, describe_machine
from numpy.typing import NDArray
from records import DATASET, FIRST_DAY, fill_topic, messages
from rich.table import Table
from servers import ask, bench_stack

from courant.domain.contract import Contract, find_contract
from courant.settings import Settings
from courant.stores.mysql.connection import LoadConnection, connect

LOOK_EVERY_S = 0.005
SETTLE_S = 10  # paced records before the measured ones
CATCH_UP_WITHIN_S = 300
LINGER_MS = 5  # librdkafka's own default
Sent = NDArray[np.float64]  # columns: partition, offset, Unix time just before produce()
Looks = list[tuple[float, dict[int, int]]]  # Unix time after the answer, next offset per partition


def main() -> None:
    arguments = _arguments()
    with bench_stack(console) as settings:
        machine = describe_machine(settings)
        contract = find_contract(settings.contracts_dir, DATASET)
        with ours.Ingest(settings, drain=False) as ingest:
            _warm_up(settings, contract, ingest, arguments.warm_up_rows)
            sent, looks = _pace(settings, contract, ingest, arguments.rate, arguments.seconds)
            expected = arguments.warm_up_rows + len(sent)
            _wait_for(lambda: _bronze_rows(settings) >= expected, ingest, "bronze to catch up")
        measured = sent[arguments.rate * SETTLE_S :]
        table = _table(measured, looks, settings)
    console.print(f"\n{machine}", highlight=False, soft_wrap=True)
    console.print(
        f"{len(measured):,} records at {arguments.rate:,}/s, after {arguments.warm_up_rows:,} at full speed and "
        f"{SETTLE_S} s at this pace",
        highlight=False,
        soft_wrap=True,
    )
    console.print(table)


def _warm_up(settings: Settings, contract: Contract, ingest: ours.Ingest, rows: int) -> None:
    with console.status(f"warming up with {rows:,} records"):
        fill_topic(settings, contract, rows, on_progress=lambda _: None)
        _wait_for(
            lambda: ours.mysql_rows(settings) >= rows and _bronze_rows(settings) >= rows,
            ingest,
            "the warm-up",
        )


def _pace(
    settings: Settings, contract: Contract, ingest: ours.Ingest, rate: int, seconds: int
) -> tuple[Sent, Looks]:
    """Produce at the rate in a process of its own, and look at the committed position until it is all there."""
    rows = rate * (SETTLE_S + seconds)
    with (
        multiprocessing.get_context("spawn").Pool(1) as pool,
        connect(settings, "reader") as reader,
        console.status(f"{rate:,} records/s for {SETTLE_S} + {seconds} s"),
    ):
        reader.autocommit(True)
        sending, sent, looks = pool.apply_async(produce, (settings, contract.topic, rate, rows)), None, []
        while sent is None or not _is_all_there(sent, looks):
            due = time.monotonic() + LOOK_EVERY_S
            _look(reader, looks)
            if sent is None and sending.ready():
                sent = sending.get()
                ingest.check()
            time.sleep(max(due - time.monotonic(), 0))
    return sent, looks


def _look(reader: LoadConnection, looks: Looks) -> None:
    """Read MySQL's committed position; keep it if it is new."""
    with reader.cursor() as cursor:
        cursor.execute("SELECT partition_id, next_offset FROM ingest_offset WHERE dataset = %s", (DATASET,))
        positions = dict(cursor.fetchall())
    if not looks or looks[-1][1] != positions:
        looks.append((time.time(), positions))


def _is_all_there(sent: Sent, looks: Looks) -> bool:
    return all(sent[sent[:, 0] == p, 1].max() < end for p, end in looks[-1][1].items() if p in sent[:, 0])


def produce(settings: Settings, topic: str, rate: int, rows: int) -> Sent:
    """Send records of later days at the rate; give each one's place and the time it was handed over."""
    contract = find_contract(settings.contracts_dir, DATASET)
    frames = list(messages(contract, rows, first_day=FIRST_DAY + timedelta(days=180)))
    producer = Producer(
        {
            "bootstrap.servers": settings.kafka.bootstrap_servers,
            "enable.idempotence": True,
            "acks": "all",
            "partitioner": "murmur2_random",
            "compression.type": "lz4",
            "linger.ms": LINGER_MS,
        }
    )
    sent = np.zeros((rows, 3))
    records = (pair for frame in frames for pair in frame.rows())
    started = time.time() + 0.1
    for number, (key, value) in enumerate(records):
        while (ahead := started + number / rate - time.time()) > 0:
            producer.poll(min(ahead, 0.002))
        sent[number, 2] = time.time()
        producer.produce(topic, value, key, on_delivery=partial(_note_place, sent, number))
    if producer.flush(30):
        raise RuntimeError("the broker did not acknowledge every record")
    return sent


def _note_place(sent: Sent, number: int, error: KafkaError | None, message: Message) -> None:
    if error is not None:
        raise RuntimeError(f"a record was not delivered: {error}")
    sent[number, :2] = message.partition(), message.offset()


def _table(measured: Sent, looks: Looks, settings: Settings) -> Table:
    table = Table(title="Latency in ms, from just before produce()", title_justify="left")
    table.add_column("to")
    for heading in ("p50", "p95", "p99", "highest", "asked"):
        table.add_column(heading, justify="right")
    _add_row(
        table, "committed in MySQL", _to_mysql(measured, looks) - measured[:, 2], "p50 ≤ 250, p99 ≤ 1,000"
    )
    _add_row(table, "visible in bronze", _to_bronze(measured, settings) - measured[:, 2], "≤ 10,000")
    p50, p95, highest, batches = _own_account(settings, measured)
    title = f"MySQL by its own account: medians of {batches} batches"
    table.add_row(title, f"{p50:,.0f}", f"{p95:,.0f}", "", f"{highest:,.0f}", "")
    return table


def _add_row(table: Table, label: str, seconds: NDArray[np.float64], asked: str) -> None:
    p50, p95, p99, highest = np.quantile(seconds * 1000, [0.5, 0.95, 0.99, 1.0])
    table.add_row(label, f"{p50:,.0f}", f"{p95:,.0f}", f"{p99:,.0f}", f"{highest:,.0f}", asked)


def _to_mysql(measured: Sent, looks: Looks) -> NDArray[np.float64]:
    """Give the time of the first look that showed each record committed."""
    times, seen = np.array([at for at, _ in looks]), np.zeros(len(measured))
    for partition in np.unique(measured[:, 0]):
        ends = np.array([positions.get(int(partition), 0) for _, positions in looks])
        rows = measured[:, 0] == partition
        seen[rows] = times[np.searchsorted(ends, measured[rows, 1], side="right")]
    return seen


def _to_bronze(measured: Sent, settings: Settings) -> NDArray[np.float64]:
    """Give the time at which the commit that holds each record appeared in the Delta log."""
    visible: dict[tuple[int, int], float] = {}
    for at_s, path in ours.bronze_files(settings):
        places = pq.ParquetFile(path).read(columns=["partition", "offset"])
        keys = zip(places["partition"].to_pylist(), places["offset"].to_pylist(), strict=True)
        visible |= dict.fromkeys(keys, at_s)
    return np.array([visible[int(partition), int(offset)] for partition, offset in measured[:, :2]])


def _own_account(settings: Settings, measured: Sent) -> tuple[float, float, float, int]:
    """Read what the batches that were committed meanwhile say: from the broker's time to just before the commit."""
    rows = ask(
        settings,
        "SELECT latency_p50_ms AS p50, latency_p95_ms AS p95, latency_max_ms AS highest FROM ingest_batch"
        f" WHERE rows_in > 0 AND UNIX_TIMESTAMP(committed_at) > {measured[0, 2]:.3f}",
    )
    p50, p95, highest = (
        np.array([row[name] for row in rows], dtype=float) for name in ("p50", "p95", "highest")
    )
    return float(np.median(p50)), float(np.median(p95)), float(highest.max()), len(rows)


def _bronze_rows(settings: Settings) -> int:
    commits = ours.bronze_commits(settings)
    return commits[-1].rows if commits else 0


def _wait_for(condition: Callable[[], bool], ingest: ours.Ingest, what: str) -> None:
    deadline = time.monotonic() + CATCH_UP_WITHIN_S
    while not condition():
        ingest.check()
        if time.monotonic() > deadline:
            raise SystemExit(f"waited {CATCH_UP_WITHIN_S} s for {what}")
        time.sleep(0.5)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rate", type=int, default=2_000, help="records per second")
    parser.add_argument("--seconds", type=int, default=60, help="how long it is measured")
    parser.add_argument("--warm-up-rows", type=int, default=400_000, help="sent before, as fast as possible")
    return parser.parse_args()


if __name__ == "__main__":
    main()
