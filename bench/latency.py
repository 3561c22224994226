"""How long a record takes from the producer to MySQL and to bronze, at a steady pace and warm.

python bench/latency.py [--rates 500,2000,10000] [--seconds 60] [--warm-up-rows 400000] [--runs 3] [--write]
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from itertools import islice

import numpy as np
import ours
import pyarrow.parquet as pq
from confluent_kafka import KafkaError, Message, Producer
from machine import console, describe_machine
from numpy.typing import NDArray
from records import DATASET, FIRST_DAY, fill_topic, messages
from report import Figures, Measurement, add_run_arguments, median_and_worst, tell
from servers import ask, bench_stack

from courant.domain.contract import Contract, find_contract
from courant.settings import Settings
from courant.stores.mysql.connection import LoadConnection, connect

LOOK_EVERY_S = 0.005
SETTLE_S = 60  # paced records before the measured ones: until the compilers have seen enough small batches
CATCH_UP_WITHIN_S = 300
LINGER_MS = 5  # librdkafka's own default
TICK_S = 0.005  # what is due is handed over this often: waiting for each record by itself took half a core
RATES = (500, 2_000, 10_000)
MYSQL, BRONZE, OWN_ACCOUNT = "committed in MySQL", "visible in bronze", "MySQL by its own account"
TARGETS = {(2_000, MYSQL): "p50 ≤ 200, p99 ≤ 600", (10_000, MYSQL): "p99 ≤ 1,000"}
BRONZE_MS = 2_000  # at most that later than its trigger, at 2,000 records/s
Sent = NDArray[np.float64]  # columns: partition, offset, Unix time just before produce()
Looks = list[tuple[float, dict[int, int]]]  # Unix time after the answer, next offset per partition
Latencies = dict[str, list[float]]  # by sink: p50, p95, p99 and the highest, in ms


def main() -> None:
    arguments = _arguments()
    found: dict[int, list[Latencies]] = defaultdict(list)
    for _ in range(arguments.runs):
        for rate in arguments.rates:
            with bench_stack(console) as settings:  # each on a topic and tables that nobody used before
                machine = describe_machine(settings)
                found[rate].append(_measure(settings, rate, arguments))
    about = (
        f"{arguments.seconds} s at each rate, after {arguments.warm_up_rows:,} records at full speed and {SETTLE_S} s"
        " at this pace; milliseconds from just before `produce()`."
    )
    targets = TARGETS | {(2_000, BRONZE): f"p99 ≤ {settings.ingest.bronze_trigger_ms + BRONZE_MS:,}"}
    tell(console, Measurement("latency", machine, about, [_figures(found, targets)]), arguments)


def _measure(settings: Settings, rate: int, arguments: argparse.Namespace) -> Latencies:
    """Give the latencies of one ingest at one rate, from the start of its process."""
    contract = find_contract(settings.contracts_dir, DATASET)
    with ours.Ingest(settings, drain=False) as ingest:
        warm_up(settings, contract, ingest, arguments.warm_up_rows)
        sent, looks = pace(settings, contract, ingest, rate, arguments.seconds)
        expected = arguments.warm_up_rows + len(sent)
        _wait_for(lambda: _bronze_rows(settings) >= expected, ingest, "bronze to catch up")
    measured = sent[rate * SETTLE_S :]
    found = {
        MYSQL: _quantiles(_to_mysql(measured, looks) - measured[:, 2]),
        BRONZE: _quantiles(_to_bronze(measured, settings) - measured[:, 2]),
        OWN_ACCOUNT: _own_account(settings, measured),
    }
    for sink in (MYSQL, BRONZE):
        p50, _, p99, highest = found[sink]
        text = f"{rate:,}/s: {sink}: p50 {p50:,.0f}, p99 {p99:,.0f}, highest {highest:,.0f} ms"
        console.print(text, highlight=False)
    return found


def warm_up(settings: Settings, contract: Contract, ingest: ours.Ingest, rows: int) -> None:
    with console.status(f"warming up with {rows:,} records"):
        fill_topic(settings, contract, rows, on_progress=lambda _: None)
        _wait_for(
            lambda: ours.mysql_rows(settings) >= rows and _bronze_rows(settings) >= rows,
            ingest,
            "the warm-up",
        )


def pace(
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
    sent, done = np.zeros((rows, 3)), 0
    records = (pair for frame in frames for pair in frame.rows())
    started = time.time()
    while done < rows:
        due = min(rows, int((time.time() - started) * rate) + 1)
        for number, (key, value) in enumerate(islice(records, due - done), done):
            sent[number, 2] = time.time()
            producer.produce(topic, value, key, on_delivery=partial(_note_place, sent, number))
        done = due
        producer.poll(0)
        time.sleep(TICK_S)
    if producer.flush(30):
        raise RuntimeError("the broker did not acknowledge every record")
    return sent


def _note_place(sent: Sent, number: int, error: KafkaError | None, message: Message) -> None:
    if error is not None:
        raise RuntimeError(f"a record was not delivered: {error}")
    sent[number, :2] = message.partition(), message.offset()


def _figures(found: dict[int, list[Latencies]], targets: dict[tuple[int, str], str]) -> Figures:
    """Tell each quantile of each sink at each rate: of the runs' own ones."""
    rows = [
        (
            f"{rate:,}",
            sink,
            *(median_and_worst(values) for values in zip(*(run[sink] for run in runs), strict=True)),
            targets.get((rate, sink), ""),
        )
        for rate, runs in found.items()
        for sink in (MYSQL, BRONZE, OWN_ACCOUNT)
    ]
    return Figures(("records/s", "to", "p50", "p95", "p99", "highest", "target"), rows)


def _quantiles(seconds: NDArray[np.float64]) -> list[float]:
    return [float(value) for value in np.quantile(seconds * 1000, [0.5, 0.95, 0.99, 1.0])]


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


def _own_account(settings: Settings, measured: Sent) -> list[float]:
    """Read what the batches that were committed meanwhile say: from the broker's time to just before the commit.

    They know their p50, p95 and highest. Of the first two it is the median of the batches; there is no p99.
    """
    rows = ask(
        settings,
        "SELECT latency_p50_ms AS p50, latency_p95_ms AS p95, latency_max_ms AS highest FROM ingest_batch"
        f" WHERE rows_in > 0 AND UNIX_TIMESTAMP(committed_at) > {measured[0, 2]:.3f}",
    )
    p50, p95, highest = (
        np.array([row[name] for row in rows], dtype=float) for name in ("p50", "p95", "highest")
    )
    return [float(np.median(p50)), float(np.median(p95)), float("nan"), float(highest.max())]


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
    parser.add_argument("--rates", type=_rates, default=RATES, help="records per second: 500,2000,10000")
    parser.add_argument("--seconds", type=int, default=60, help="how long it is measured")
    parser.add_argument("--warm-up-rows", type=int, default=400_000, help="sent before, as fast as possible")
    add_run_arguments(parser)
    return parser.parse_args()


def _rates(text: str) -> tuple[int, ...]:
    return tuple(int(rate) for rate in text.split(","))


if __name__ == "__main__":
    main()
