"""The driver's memory while it drains many records: the JVM, the Python process, and both together.

python bench/memory.py [--rows 5000000] [--runs 3] [--write]
"""

from __future__ import annotations

import argparse
import time
from statistics import mean

import ours
from machine import console, describe_machine
from memory_sampler import MIB, Look, take_look
from records import DATASET, fill_topic
from report import Figures, Measurement, add_run_arguments, median_and_worst, tell
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from servers import bench_stack, drop_sinks, settle, with_own_sinks

from courant.domain.contract import find_contract
from courant.settings import Settings

LOOK_EVERY_S = 1.0
LINES = 15  # of the table


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
        runs = []
        for number in range(1, arguments.runs + 1):
            sinks = with_own_sinks(settings, f"bench_{number}")
            settle(settings)
            runs.append(_drain(sinks, arguments.rows, progress))
            drop_sinks(sinks)
            console.print(_table(runs[-1]))
    about = f"{arguments.rows:,} records; resident sets of the driver's JVM and its Python process together, in MiB."
    tell(console, Measurement("memory", machine, about, [_figures(runs)]), arguments)


def _drain(settings: Settings, rows: int, progress: Progress) -> list[Look]:
    """Look at the ingest until it has drained the topic."""
    bar, looks = progress.add_task("ingesting", total=rows), []
    with ours.Ingest(settings, drain=True) as ingest:
        started = time.monotonic()
        while ingest.check():
            looks.append(take_look(settings, ingest, time.monotonic() - started))
            progress.update(bar, completed=looks[-1].rows)
            time.sleep(LOOK_EVERY_S)
    progress.update(bar, completed=ours.mysql_rows(settings))
    return looks


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


def _figures(runs: list[list[Look]]) -> Figures:
    """Tell the highest resident set, and the last third of the rows against the middle one; the first is warm-up."""
    highest = [max(look.jvm + look.python for look in looks) / MIB for looks in runs]
    middle = [_mean_between(looks, 1 / 3, 2 / 3) for looks in runs]
    last = [_mean_between(looks, 2 / 3, 1) for looks in runs]
    changes = [after - before for before, after in zip(middle, last, strict=True)]
    rows = (
        ("highest", median_and_worst(highest), "< 3 GB"),
        ("mean in the middle third of the rows", median_and_worst(middle), ""),
        ("mean in the last third", median_and_worst(last), ""),
        ("the last third's mean against the middle's", median_and_worst(changes, "+,.0f"), "flat"),
    )
    return Figures(("memory", "found", "target"), rows)


def _mean_between(looks: list[Look], low: float, high: float) -> float:
    """Give the mean resident set between two shares of the rows, in MiB; NaN where nobody looked."""
    rows = looks[-1].rows
    sizes = [look.jvm + look.python for look in looks if low * rows <= look.rows <= high * rows]
    return mean(sizes) / MIB if sizes else float("nan")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=5_000_000)
    add_run_arguments(parser)
    return parser.parse_args()


if __name__ == "__main__":
    main()
