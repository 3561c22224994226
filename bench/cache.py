"""What the documents are worth: the dashboard's main questions, asked of MySQL and of MongoDB.

python bench/cache.py [--days 30] [--regions 12] [--asks 40] [--mongo-uri mongodb://…] [--runs 3] [--write]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from cache_questions import CONSUMPTION, QUESTIONS, Asked, Question
from filled import INGEST, PUBLISH, run_job, send_days
from machine import console, describe_machine
from records import FIRST_DAY, SEED
from report import Figures, Measurement, add_run_arguments, median_and_worst, tell
from servers import bench_stack

from courant.domain.contract import Contract, find_contract
from courant.domain.enedis import REGION_CODES
from courant.settings import Settings
from courant.stores import mongo
from courant.stores.mysql.connection import session

DATASETS = ("balance", CONSUMPTION)
WARM_UP_ASKS = 5
ASKED_RATIO = 10  # at p95, on a server that is made for production


@dataclass(frozen=True, slots=True)
class Timed:
    """Both stores' answers to one question, in ms."""

    question: Question
    mysql: list[float]
    mongo: list[float]


def main() -> None:
    arguments = _arguments()
    with bench_stack(console) as started, _with_mongo(started, arguments.mongo_uri) as settings:
        contracts = {name: find_contract(settings.contracts_dir, name) for name in DATASETS}
        regions = REGION_CODES[: arguments.regions]
        rows = sum(
            send_days(settings, contract, days=arguments.days, regions=regions)
            for contract in contracts.values()
        )
        run_job(settings, INGEST, DATASETS, "--drain", properties="spark-ingest.conf")
        published = json.loads(run_job(settings, PUBLISH, DATASETS))
        runs = [
            _ask_all(settings, contracts[CONSUMPTION], arguments, seed=SEED + number)
            for number in range(arguments.runs)
        ]
        machine, store = (
            describe_machine(settings),
            _describe_store(settings, is_embedded=not arguments.mongo_uri),
        )
    documents = sum(sum(one["documents"].values()) for one in published.values())
    seconds = sum(one["seconds"] for one in published.values())
    about = (
        f"{rows:,} readings of {arguments.days} days in MySQL, published in {seconds:.0f} s as {documents:,} documents"
        f" in {store}. Milliseconds a question, {arguments.asks} of each, both answers alike."
    )
    tell(console, Measurement("cache", machine, about, [_figures(runs)]), arguments)


@contextmanager
def _with_mongo(settings: Settings, uri: str | None) -> Iterator[Settings]:
    """Give settings with the named server, and a database of the bench's own that is dropped at the end."""
    server = settings.mongo.model_copy(update={"uri": uri or settings.mongo.uri, "database": "courant_bench"})
    own = settings.model_copy(update={"mongo": server})
    with mongo.session(own) as database:
        database.client.drop_database(database.name)
        try:
            yield own
        finally:
            database.client.drop_database(database.name)


def _ask_all(
    settings: Settings, contract: Contract, arguments: argparse.Namespace, *, seed: int
) -> list[Timed]:
    chance = random.Random(seed)
    regions = REGION_CODES[: arguments.regions]
    profiles = [name for (name,) in contract.dimension("profile").members]
    asks = [
        Asked(
            chance.choice(regions),
            chance.choice(profiles),
            chance.randrange(arguments.days),
            FIRST_DAY,
            arguments.days,
        )
        for _ in range(WARM_UP_ASKS + arguments.asks)
    ]
    with session(settings, "reader") as mysql, mongo.session(settings) as database:
        mysql.autocommit(True)
        return [_ask(question, mysql, database, asks) for question in QUESTIONS]


def _ask(question: Question, mysql: Any, database: mongo.MongoDatabase, asks: list[Asked]) -> Timed:
    timed = Timed(question, [], [])
    for number, asked in enumerate(asks):
        expected, mysql_ms = _clocked(lambda: question.mysql(mysql, asked))  # noqa: B023 - called at once
        found, mongo_ms = _clocked(lambda: question.mongo(database, asked))  # noqa: B023
        if expected != found:
            raise SystemExit(
                f"{question.text}: MySQL says {expected}, MongoDB {found}: no figure means anything"
            )
        if number >= WARM_UP_ASKS:
            timed.mysql.append(mysql_ms)
            timed.mongo.append(mongo_ms)
    return timed


def _clocked(ask: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    answer = ask()
    return answer, (time.perf_counter() - started) * 1000


def _describe_store(settings: Settings, *, is_embedded: bool) -> str:
    """Name the document server by what it says of itself."""
    with mongo.session(settings) as database:
        info = database.client.admin.command("buildInfo")
    if "ferretdb" in info:
        name = f"FerretDB {info['ferretdb'].get('version', '')} (speaks as MongoDB {info['version']})"
    elif is_embedded:
        name = f"embedded mongo-java-server (speaks as MongoDB {info['version']}): its ratios are only shown"
    else:
        name = f"MongoDB {info['version']}"
    return f"{name}; {os.cpu_count()} cores are shared by both servers"


def _figures(runs: list[list[Timed]]) -> Figures:
    """Tell each run's quantiles of each question, and their ratios; of a ratio, the worst is the lowest."""
    rows = []
    for of_question in zip(*runs, strict=True):
        mysql, documents = (
            np.quantile([getattr(one, store) for one in of_question], [0.5, 0.95], axis=1)
            for store in ("mysql", "mongo")
        )
        times = [median_and_worst(each, ",.1f") for each in (*mysql, *documents)]
        ratios = [f"{median_and_worst(each, ',.1f', worst=min)} ×" for each in mysql / documents]
        rows.append((of_question[0].question.text, *times, *ratios, f"≥ {ASKED_RATIO} × at p95"))
    columns = (
        "question", "MySQL p50", "MySQL p95", "MongoDB p50", "MongoDB p95", "ratio p50", "ratio p95", "target",
    )  # fmt: skip
    return Figures(columns, rows)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--days", type=int, default=30, help="days of readings; 8 weeks at most, all in winter"
    )
    parser.add_argument("--regions", type=int, default=12, help="how many of the regions")
    parser.add_argument("--asks", type=int, default=40, help="measured questions of each kind")
    parser.add_argument("--mongo-uri", help="the server to measure; the embedded one if left out")
    add_run_arguments(parser)
    return parser.parse_args()


if __name__ == "__main__":
    main()
