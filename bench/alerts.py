"""How long a reading takes from the producer to an alert on the topic, at a steady pace and warm.

python bench/alerts.py [--rate 1000] [--seconds 60] [--crossing 1.0] [--partitions 4] [--runs 3] [--write]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition
from machine import console, describe_machine
from numpy.typing import NDArray
from report import Figures, Measurement, add_run_arguments, median_and_worst, tell
from servers import bench_stack

from courant.alerts.stream import slots_needed
from courant.domain.contract import Contract, find_contract
from courant.settings import Settings
from courant.stores.kafka.alerts import ALERTS, alerts_topic
from courant.submit import RAISE_ALERTS, start_job, stop_job

DATASET, LIMIT = "balance", 100
SETTLE_S = 90  # paced records before the measured ones: Spark starts its tasks and compiles itself meanwhile
READY_WITHIN_S = 120
FIRST = datetime(2026, 1, 5, tzinfo=UTC)
Place = tuple[int, int]  # partition and offset


def main() -> None:
    arguments = _arguments()
    runs = []
    for _ in range(arguments.runs):
        with bench_stack(console) as stack:
            machine = describe_machine(stack)
            runs.append(_measure(_with_rule(stack), arguments))
    about = (
        f"{arguments.rate:,} records/s over {arguments.partitions} partitions, {arguments.crossing:.0%} of them beyond"
        f" the limit, {arguments.seconds} s after {SETTLE_S} s at this pace; milliseconds from just before `produce()`"
        " to a plain consumer of the topic `alerts`."
    )
    tell(console, Measurement("alerts", machine, about, [_figures(runs)]), arguments)


def _measure(settings: Settings, arguments: argparse.Namespace) -> NDArray[np.float64]:
    """Give the latencies of one stream, from the start of its process."""
    contract = find_contract(settings.contracts_dir, DATASET)
    with _stream(settings, contract), _listening(settings) as arrived:
        sent = _pace(settings, contract, arguments)
        _wait_for(sent, arrived)
    return _latencies(sent, arrived, from_second=SETTLE_S)


def _with_rule(settings: Settings) -> Settings:
    path = settings.home / "alerts.toml"
    path.write_text(
        f'[[rule]]\nname = "bench"\nkind = "threshold"\ndataset = "{DATASET}"\nfield = "consommation_totale"\n'
        f"above = {LIMIT}\n",
        encoding="utf-8",
    )
    return settings.model_copy(update={"alerts": settings.alerts.model_copy(update={"rules": path})})


@contextmanager
def _stream(settings: Settings, contract: Contract) -> Iterator[None]:
    """Run the project's own job until it judges readings."""
    alerts_topic(settings)
    log_path = settings.home / "alerts.log"
    with log_path.open("wb") as log, _environment(COURANT_ALERTS_RULES=str(settings.alerts.rules)):
        job = start_job(
            settings, RAISE_ALERTS, [], properties="spark-alerts.conf", log=log,
            slots=slots_needed(settings, [contract]),
        )  # fmt: skip
    try:
        with console.status("starting the stream"):
            _wait_for_line(log_path, job)
        yield
    finally:
        stop_job(job)


def _wait_for_line(log_path: Path, job: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while "watching" not in log_path.read_text():
        if job.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"the stream did not start:\n{log_path.read_text()}")
        time.sleep(0.1)


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            del os.environ[name]


@contextmanager
def _listening(settings: Settings) -> Iterator[dict[Place, float]]:
    """Note when each alert arrives at a plain consumer, by the place of its reading."""
    arrived: dict[Place, float] = {}
    consumer = Consumer(
        {
            "bootstrap.servers": settings.kafka.bootstrap_servers, "group.id": "bench",
            "enable.auto.commit": False, "auto.offset.reset": "earliest", "fetch.wait.max.ms": 5,
        }
    )  # fmt: skip
    consumer.assign([TopicPartition(ALERTS, p, 0) for p in range(alerts_topic(settings)[1])])
    ended = threading.Event()

    def listen() -> None:
        while not ended.is_set():
            message = consumer.poll(0.1)
            if message is not None and message.value():
                now = time.time()
                *_, partition, offset = json.loads(message.value())["alert_id"].split(":")
                arrived.setdefault((int(partition), int(offset)), now)

    thread = threading.Thread(target=listen)
    thread.start()
    try:
        yield arrived
    finally:
        ended.set()
        thread.join()
        consumer.close()


def _pace(settings: Settings, contract: Contract, arguments: argparse.Namespace) -> dict[Place, float]:
    """Send readings at the rate; give when each that is beyond the limit was handed over, by its place."""
    producer = Producer(
        {"bootstrap.servers": settings.kafka.bootstrap_servers, "enable.idempotence": True, "acks": "all",
         "linger.ms": 0}
    )  # fmt: skip
    sent: dict[Place, float] = {}
    crossing = np.random.default_rng(7).random(arguments.rate * (SETTLE_S + arguments.seconds))
    started = time.time() + 0.1
    with console.status(f"{arguments.rate:,} records/s for {SETTLE_S} + {arguments.seconds} s"):
        for number, draw in enumerate(crossing < arguments.crossing):
            due = started + number / arguments.rate
            if (left := due - time.time()) > 0:
                producer.poll(0)
                time.sleep(left)  # not in poll(), whose wake-ups would take half a core from what is measured
            reading = {
                "horodate": (FIRST + timedelta(minutes=15 * number)).isoformat(),
                "consommation_totale": LIMIT + 1 if draw else LIMIT,
            }
            at = time.time()
            producer.produce(
                contract.topic, json.dumps(reading), partition=number % arguments.partitions,
                on_delivery=_noting(sent, at) if draw else None,
            )  # fmt: skip
        producer.flush()
    return dict(sorted(sent.items(), key=lambda item: item[1]))


def _noting(sent: dict[Place, float], at: float):
    def note(error: KafkaError | None, message: Message) -> None:
        if error:
            raise SystemExit(f"a reading could not be sent: {error}")
        sent[message.partition(), message.offset()] = at

    return note


def _wait_for(sent: dict[Place, float], arrived: dict[Place, float]) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while not sent.keys() <= arrived.keys():
        if time.monotonic() > deadline:
            raise SystemExit(f"{len(sent.keys() - arrived.keys())} alerts never arrived")
        time.sleep(0.1)


def _latencies(
    sent: dict[Place, float], arrived: dict[Place, float], *, from_second: float
) -> NDArray[np.float64]:
    """Give the milliseconds of each reading handed over after the settling."""
    begin = min(sent.values()) + from_second
    return np.array([(arrived[place] - at) * 1000 for place, at in sent.items() if at >= begin])


def _figures(runs: list[NDArray[np.float64]]) -> Figures:
    """Tell each quantile: of the runs' own ones."""
    quantiles = np.array([np.quantile(latencies, [0.5, 0.9, 0.99, 0.999, 1]) for latencies in runs])
    row = (
        f"{len(runs[0]):,}",
        *(median_and_worst(values, ",.1f") for values in quantiles.T),
        "p99 ≤ 20 at 1,000/s",
    )
    return Figures(("alerts", "p50", "p90", "p99", "p99.9", "highest", "target"), [row])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rate", type=int, default=1000, help="records a second")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--crossing", type=float, default=1.0, help="the share that is beyond the limit")
    parser.add_argument("--partitions", type=int, default=4, help="of the topic that are written to")
    add_run_arguments(parser)
    return parser.parse_args()


if __name__ == "__main__":
    main()
