"""The dashboard: how long Explore takes on many days, and whether the live screen stays as small as it began.

python bench/dashboard.py [--days 30] [--asks 40] [--minutes 10] [--rate 100] [--runs 3] [--write]
"""

from __future__ import annotations

import argparse
from datetime import timedelta
from pathlib import Path

import numpy as np
from explore_times import Timed, browser_times, script_times
from filled import INGEST, PUBLISH, run_job, send_days
from live_memory import Look, Tabs, count, memory_figures, open_live, tabs_figures, watch
from machine import console, describe_machine
from records import FIRST_DAY, SEED
from report import Figures, Measurement, add_run_arguments, median_and_worst, tell
from served import arriving, browser, dashboard
from servers import bench_stack

from courant.domain.contract import Contract, load_contracts
from courant.domain.enedis import REGION_CODES
from courant.generate import generate_file
from courant.settings import Settings

DATASETS = ("balance", "consumption_inf36")
ASKED_S = 1.0
SETTLED_S = 60
KEPT = 20_000  # records of each topic that the server keeps: only then can its memory be flat


def main() -> None:
    arguments = _arguments()
    times: list[list[Timed]] = []
    lives: list[tuple[list[Look], list[Tabs]]] = []
    with bench_stack(console) as settings:
        machine = describe_machine(settings)
        contracts = [load_contracts(settings.contracts_dir)[name] for name in DATASETS]
        rows = _fill(settings, contracts, arguments.days)
        files = {contract.name: _day(settings, contract, arguments.days) for contract in contracts}
        for _ in range(arguments.runs):
            if arguments.asks:
                times.append(_explore(settings, contracts[-1], arguments))
            if arguments.minutes:
                lives.append(_live(settings, files, arguments))
    about = (
        f"{rows:,} readings of {arguments.days} days; Explore {arguments.asks} times of each kind, in s; live"
        f" {arguments.minutes:g} minutes, at {arguments.rate:g} records a second of each of two data sets."
    )
    tables = [_times_figures(times)] if times else []
    if lives:
        looks, tabs = zip(*lives, strict=True)
        tables += [memory_figures(looks), tabs_figures(tabs)]
    tell(console, Measurement("dashboard", machine, about, tables), arguments)


def _fill(settings: Settings, contracts: list[Contract], days: int) -> int:
    """Bring days of both data sets into MySQL, and from there into MongoDB."""
    rows = sum(send_days(settings, contract, days=days, regions=REGION_CODES) for contract in contracts)
    run_job(settings, INGEST, DATASETS, "--drain", properties="spark-ingest.conf")
    run_job(settings, PUBLISH, DATASETS)
    return rows


def _explore(settings: Settings, contract: Contract, arguments: argparse.Namespace) -> list[Timed]:
    """Time Explore's script alone, then in a browser, on a server that knows no answer yet."""
    times = script_times(settings, days=arguments.days, asks=arguments.asks)
    with dashboard(settings) as server, browser() as opened:
        return times + browser_times(opened, server, contract, asks=arguments.asks)


def _live(
    settings: Settings, files: dict[str, Path], arguments: argparse.Namespace
) -> tuple[list[Look], list[Tabs]]:
    """Watch one tab, then open a second one, while records arrive."""
    port = int(settings.kafka.bootstrap_servers.rpartition(":")[2])
    with (
        dashboard(settings) as server,
        browser() as opened,
        arriving(settings, files, rate=arguments.rate),
    ):
        page = open_live(opened, server)
        with console.status("until the server keeps as many records as it may"):
            page.wait_for_timeout((KEPT / arguments.rate + SETTLED_S) * 1000)
        tabs = [count(server, port, 1)]
        looks = watch(page, server, arguments.minutes)
        open_live(opened, server)
        tabs.append(count(server, port, 2))
    return looks, tabs


def _day(settings: Settings, contract: Contract, days: int) -> Path:
    path = settings.home / f"{contract.name}.csv"
    generate_file(contract, path, start=FIRST_DAY + timedelta(days=days), days=1, seed=SEED)
    return path


def _times_figures(runs: list[list[Timed]]) -> Figures:
    """Tell each run's quantiles of each kind."""
    rows = []
    for of_kind in zip(*runs, strict=True):
        quantiles = np.quantile([one.seconds for one in of_kind], [0.5, 0.95, 1.0], axis=1)
        told = [median_and_worst(values, ".2f") for values in quantiles]
        rows.append((of_kind[0].what, *told, f"< {ASKED_S:g} at p95"))
    return Figures(("Explore", "p50", "p95", "highest", "target"), rows)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--days", type=int, default=30, help="days of readings; 8 weeks at most")
    parser.add_argument(
        "--asks", type=int, default=40, help="runs of each kind that are timed; 0 leaves them out"
    )
    parser.add_argument("--minutes", type=float, default=10, help="of live running; 0 leaves it out")
    parser.add_argument("--rate", type=float, default=100, help="records a second of each data set")
    add_run_arguments(parser)
    return parser.parse_args()


if __name__ == "__main__":
    main()
