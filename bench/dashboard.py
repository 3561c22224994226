"""The dashboard: how long Explore takes on many days, and whether the live screen stays as small as it began.

python bench/dashboard.py [--days 30] [--asks 40] [--minutes 10] [--rate 100]
"""

from __future__ import annotations

import argparse
from datetime import timedelta
from pathlib import Path

import numpy as np
from explore_times import Timed, browser_times, script_times
from filled import INGEST, PUBLISH, run_job, send_days
from live_memory import count, memory_table, open_live, tabs_table, watch
from machine import console, describe_machine
from records import FIRST_DAY, SEED
from rich.table import Table
from served import Server, arriving, browser, dashboard
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
    with bench_stack(console) as settings:
        machine = describe_machine(settings)
        contracts = [load_contracts(settings.contracts_dir)[name] for name in DATASETS]
        rows = _fill(settings, contracts, arguments.days)
        console.print(
            f"\n{machine}\n{rows:,} readings of {arguments.days} days", highlight=False, soft_wrap=True
        )
        times = script_times(settings, days=arguments.days, asks=arguments.asks) if arguments.asks else []
        with dashboard(settings) as server, browser() as opened:
            if arguments.asks:
                times += browser_times(opened, server, contracts[-1], asks=arguments.asks)
                console.print(_times_table(times, arguments.asks))
            if arguments.minutes:
                _live(settings, contracts, server, opened, arguments)


def _fill(settings: Settings, contracts: list[Contract], days: int) -> int:
    """Bring days of both data sets into MySQL, and from there into MongoDB."""
    rows = sum(send_days(settings, contract, days=days, regions=REGION_CODES) for contract in contracts)
    run_job(settings, INGEST, DATASETS, "--drain", properties="spark-ingest.conf")
    run_job(settings, PUBLISH, DATASETS)
    return rows


def _live(settings: Settings, contracts: list[Contract], server: Server, opened, arguments) -> None:
    """Watch one tab, then open a second one, while records arrive."""
    port = int(settings.kafka.bootstrap_servers.rpartition(":")[2])
    files = {contract.name: _day(settings, contract, arguments.days) for contract in contracts}
    with arriving(settings, files, rate=arguments.rate):
        page = open_live(opened, server)
        with console.status("until the server keeps as many records as it may"):
            page.wait_for_timeout((KEPT / arguments.rate + SETTLED_S) * 1000)
        tabs = [count(server, port, 1)]
        looks = watch(page, server, arguments.minutes)
        second = open_live(opened, server)
        tabs.append(count(server, port, 2))
        second.close()
    console.print(memory_table(looks))
    console.print(tabs_table(tabs))


def _day(settings: Settings, contract: Contract, days: int) -> Path:
    path = settings.home / f"{contract.name}.csv"
    generate_file(contract, path, start=FIRST_DAY + timedelta(days=days), days=1, seed=SEED)
    return path


def _times_table(times: list[Timed], asks: int) -> Table:
    table = Table(title=f"Explore, s, {asks} of each", title_justify="left")
    table.add_column("what")
    for heading in ("p50", "p95", "highest", "asked at p95"):
        table.add_column(heading, justify="right")
    for one in times:
        p50, p95, highest = np.quantile(one.seconds, [0.5, 0.95, 1.0])
        table.add_row(one.what, f"{p50:.2f}", f"{p95:.2f}", f"{highest:.2f}", f"< {ASKED_S:g}")
    return table


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
    return parser.parse_args()


if __name__ == "__main__":
    main()
