"""The driver's memory while it drains many records: the JVM, the Python process, and both together.

python bench/memory.py [--rows 5000000]
"""

from __future__ import annotations

import argparse
import time
from contextlib import suppress
from dataclasses import dataclass
from statistics import mean

import ours
import psutil
from machine import console, describe_machine
from records import DATASET, fill_topic
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from servers import bench_stack

from courant.domain.contract import find_contract
from courant.settings import Settings

LOOK_EVERY_S = 1.0
LINES = 15  # of the table
MIB = 2**20


@dataclass(frozen=True, slots=True)
class Look:
    """The process tree at one moment, in bytes."""

    at_s: float  # after the start
    rows: int  # committed in MySQL
    jvm: int  # resident
    python: int  # resident
    proportional: int  # PSS of all: memory that several share is counted once


def main() -> None:
    arguments = _arguments()
    columns = (
        TextColumn("{task.description:12}"),
        BarColumn(),
        TextColumn("{task.completed:,}/{task.total:,}"),
    )
    with (
        bench_stack(console) as settings,
        Progress(*columns, TimeElapsedColumn(), console=console, refresh_per_second=1) as progress,
    ):
        machine = describe_machine(settings)
        contract = find_contract(settings.contracts_dir, DATASET)
        bar = progress.add_task("producing", total=arguments.rows)
        fill_topic(
            settings, contract, arguments.rows, on_progress=lambda n: progress.update(bar, completed=n)
        )
        bar = progress.add_task("ingesting", total=arguments.rows)
        looks = []
        with ours.Ingest(settings, drain=True) as ingest:
            started = time.monotonic()
            while ingest.check():
                looks.append(_look(settings, ingest, time.monotonic() - started))
                progress.update(bar, completed=looks[-1].rows)
                time.sleep(LOOK_EVERY_S)
        progress.update(bar, completed=ours.mysql_rows(settings))
    console.print(f"\n{machine}", highlight=False, soft_wrap=True)
    console.print(_table(looks))
    console.print(_growth(looks), highlight=False, soft_wrap=True)


def _look(settings: Settings, ingest: ours.Ingest, at_s: float) -> Look:
    resident, proportional = {"jvm": 0, "python": 0}, 0
    for process in ingest.tree():
        with suppress(psutil.NoSuchProcess):
            memory = process.memory_full_info()
            resident["jvm" if "java" in process.name() else "python"] += memory.rss
            proportional += getattr(memory, "pss", memory.rss)  # PSS is Linux's
    return Look(at_s, ours.mysql_rows(settings), resident["jvm"], resident["python"], proportional)


def _table(looks: list[Look]) -> Table:
    table = Table(title="The driver's memory in MiB", title_justify="left")
    for heading in ("after s", "rows", "JVM RSS", "Python RSS", "RSS", "PSS"):
        table.add_column(heading, justify="right")
    for look in looks[:: max(len(looks) // LINES, 1)]:
        _add_row(table, f"{look.at_s:.0f}", f"{look.rows:,}", look)
    table.add_section()
    highest = Look(
        0,
        0,
        *(max(getattr(look, name) for look in looks) for name in ("jvm", "python", "proportional")),
    )
    _add_row(table, "highest", "", highest, together=max(look.jvm + look.python for look in looks))
    return table


def _add_row(table: Table, when: str, rows: str, look: Look, *, together: int | None = None) -> None:
    sizes = (look.jvm, look.python, together or look.jvm + look.python, look.proportional)
    table.add_row(when, rows, *(f"{size / MIB:,.0f}" for size in sizes))


def _growth(looks: list[Look]) -> str:
    """Tell how the last third of the rows compares with the middle one; the first is warm-up."""
    last = looks[-1].rows
    middle = [look.jvm + look.python for look in looks if last / 3 <= look.rows < 2 * last / 3]
    end = [look.jvm + look.python for look in looks if look.rows >= 2 * last / 3]
    if not middle or not end:
        return "too few rows to tell whether it grows"
    change = (mean(end) - mean(middle)) / MIB
    return (
        f"mean RSS: {mean(middle) / MIB:,.0f} MiB in the middle third of the rows, "
        f"{mean(end) / MIB:,.0f} in the last ({change:+,.0f})"
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=5_000_000)
    return parser.parse_args()


if __name__ == "__main__":
    main()
