"""Where the time of a micro-batch goes, step by step, at a steady pace and warm.

python bench/steps.py [--rate 2000] [--seconds 60] [--warm-up-rows 400000] [--runs 3] [--write]
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import ours
from latency import SETTLE_S, pace, warm_up
from machine import console, describe_machine
from records import DATASET
from report import Figures, Measurement, add_run_arguments, median_and_worst, tell
from servers import bench_stack

from courant.domain.contract import find_contract
from courant.settings import Settings

JOB = "bench/timed_ingest.py"
#: Query, step of `timed_ingest.py`, what it is, and the steps that it is without.
LINES: tuple[tuple[str, str, str, Sequence[str]], ...] = (
    ("mysql", "spark.rows", "records of a batch", ()),
    ("mysql", "spark.triggerExecution", "MySQL: a whole batch, ms", ()),
    ("mysql", "spark.latestOffset", "ask Kafka how far it is", ()),
    ("mysql", "spark.walCommit", "write what the batch will read", ()),
    ("mysql", "spark.queryPlanning", "plan: optimise parse, verdict and lines", ()),
    ("mysql", "spark.addBatch", "plan: make it runnable, call Python", ("job", "watch")),
    ("mysql", "job", "Spark's job: read, parse, judge, to Arrow", ()),
    ("mysql", "watch", "ask whether it is still the same topic", ()),
    ("mysql", "spark.commitOffsets", "write that the batch is done", ()),
    (
        "mysql",
        "transaction",
        "beside the next batch: MySQL's transaction, all but the next two",
        ("load", "commit"),
    ),
    ("mysql", "load", "– LOAD DATA of facts, with their foreign keys", ()),
    ("mysql", "commit", "– COMMIT, durable", ()),
    ("bronze", "spark.rows", "records of a batch", ()),
    ("bronze", "spark.triggerExecution", "bronze: a whole batch, ms", ()),
    ("bronze", "files", "Spark's job: plan, read, Parquet", ()),
    ("bronze", "commit", "commit to Delta's log", ()),
    ("bronze", "write", "what the log says of the files", ("files", "commit")),
    ("bronze", "spark.walCommit", "write what the batch will read", ()),
    ("bronze", "spark.commitOffsets", "write that the batch is done", ()),
)
Steps = dict[str, dict[str, float]]  # by query and step: the median of the measured batches


def main() -> None:
    arguments = _arguments()
    runs = []
    for _ in range(arguments.runs):
        with bench_stack(console) as settings:
            machine = describe_machine(settings)
            runs.append(measure(settings, arguments))
    about = (
        f"{arguments.seconds} s at {arguments.rate:,} records/s, after {arguments.warm_up_rows:,} at full speed and"
        f" {SETTLE_S} s at this pace; of each run the median over its batches."
    )
    rows = [(label, median_and_worst(_without(run, *line) for run in runs)) for line, label in _lines()]
    tell(console, Measurement("steps", machine, about, [Figures(("step", "median"), rows)]), arguments)


def measure(settings: Settings, arguments: argparse.Namespace) -> Steps:
    """Give the medians of the batches that ended while records came at the rate."""
    contract, file = find_contract(settings.contracts_dir, DATASET), settings.home / "steps.json"
    os.environ["BENCH_STEPS"] = str(file)
    with ours.Ingest(settings, drain=False, job=JOB) as ingest:
        warm_up(settings, contract, ingest, arguments.warm_up_rows)
        sent, _ = pace(settings, contract, ingest, arguments.rate, arguments.seconds)
        _wait_for_newer(file, ingest)
    first, last = sent[len(sent) - arguments.rate * arguments.seconds, 2], sent[-1, 2]
    return {
        query: {
            step: median(value for at_s, value in seen if first <= at_s <= last)
            for step, seen in steps.items()
        }
        for query, steps in json.loads(file.read_text()).items()
    }


def _wait_for_newer(file: Path, ingest: ours.Ingest) -> None:
    now = time.time()
    while file.stat().st_mtime < now:
        ingest.check()
        time.sleep(0.2)


def _lines() -> list[tuple[tuple[str, str, Sequence[str]], str]]:
    return [((query, step, less), label) for query, step, label, less in LINES]


def _without(run: Steps, query: str, step: str, less: Sequence[str]) -> float:
    return run[query][step] - sum(run[query][name] for name in less)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rate", type=int, default=2_000, help="records per second")
    parser.add_argument("--seconds", type=int, default=60, help="how long it is measured")
    parser.add_argument("--warm-up-rows", type=int, default=400_000, help="sent before, as fast as possible")
    add_run_arguments(parser)
    return parser.parse_args()


if __name__ == "__main__":
    main()
