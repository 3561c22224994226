"""Throughput of the ingest into both sinks, as ratios to named peers measured in the same run.

python bench/ingest.py [--rows 3000000] [--peers all|none|NAME,…] [--limits all|none|NAME,…] [--warm-up 0.5]
                       [--runs 3] [--write]
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import ours
from competitors import LIMITS, PEERS, Competitor, rows_file, run, write_rows_file
from figures import WARM_UP, Measured
from machine import console, describe_machine
from records import DATASET, fill_topic
from report import Figures, Measurement, add_run_arguments, median_and_worst, tell
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from servers import (
    ask,
    bench_stack,
    copy_tables,
    drop_sinks,
    in_four_batches,
    retrieve_jars,
    settle,
    with_own_sinks,
)

from courant.domain.contract import Contract, find_contract
from courant.settings import Settings
from courant.stores.mysql.schema import fact_column_types

OURS, LABEL = "ours", "ours: MySQL and bronze, exactly once, judged by the contract"


@dataclass(frozen=True, slots=True)
class Plan:
    """What one round measures."""

    rows: int
    chosen: list[Competitor]
    warm_up: float
    progress: Progress

    def bar(self, name: str, rows: int) -> Callable[[int], None]:
        """Add a bar; give the function that moves it to so many rows."""
        task = self.progress.add_task(name, total=rows)
        return lambda done: self.progress.update(task, completed=done)


def main() -> None:
    arguments = _arguments()
    chosen = [*_chosen(PEERS, arguments.peers), *_chosen(LIMITS, arguments.limits)]
    retrieve_jars(console, [conf for competitor in chosen for conf in competitor.jars])
    measured: dict[str, list[Measured]] = defaultdict(list)
    with bench_stack(console) as started:
        machine = describe_machine(started)
        settings = in_four_batches(started, arguments.rows)
        contract = find_contract(settings.contracts_dir, DATASET)
        with _progress() as progress:
            bar = progress.add_task("producing", total=arguments.rows)
            filled = fill_topic(
                settings, contract, arguments.rows, on_progress=lambda n: progress.update(bar, completed=n)
            )
            for number in range(1, arguments.runs + 1):
                plan = Plan(filled.rows, chosen, arguments.warm_up, progress)
                for name, result in _round(settings, contract, plan):
                    measured[name].append(result)
                    progress.console.print(
                        f"round {number}: {name}: {result.steady:,.0f} rows/s; {result.note}", highlight=False
                    )
    about = (
        f"{filled.rows:,} records of {filled.mean_bytes:.0f} bytes on average (values), "
        f"{settings.kafka.partitions} partitions, "
        f"at most {settings.ingest.max_offsets_per_trigger:,} records a batch; "
        f"warm-up {arguments.warm_up:.0%} of the rows."
    )
    tell(console, Measurement("ingest", machine, about, [_figures(chosen, measured)]), arguments)


def _round(settings: Settings, contract: Contract, plan: Plan) -> Iterator[tuple[str, Measured]]:
    """Measure ours, then each competitor, every one on empty sinks and a database at rest."""
    own = with_own_sinks(settings, OURS)
    settle(settings)
    yield OURS, ours.drain(own, plan.rows, warm_up=plan.warm_up, on_progress=plan.bar(OURS, plan.rows))
    if any(competitor.name == "load_data" for competitor in plan.chosen):
        write_rows_file(own, list(fact_column_types(contract)), rows_file(own))
    for competitor in plan.chosen:
        sinks = with_own_sinks(settings, f"bench_{competitor.name}")
        if competitor.needs_tables:
            copy_tables(sinks, contract, members_from=OURS)
        settle(settings)
        rows = min(plan.rows, competitor.rows or plan.rows)
        on_progress = plan.bar(competitor.name, rows)
        result = run(competitor, sinks, rows, warm_up=plan.warm_up, on_progress=on_progress)
        if competitor.needs_tables:
            _check_rows(sinks, result)
        yield competitor.name, result
        drop_sinks(sinks)


def _check_rows(settings: Settings, result: Measured) -> None:
    found = ask(settings, "SELECT COUNT(*) AS n FROM consumption")[0]["n"]
    if found != result.rows:
        raise SystemExit(f"{settings.mysql.database} holds {found} rows instead of {result.rows}")


def _figures(chosen: list[Competitor], measured: dict[str, list[Measured]]) -> Figures:
    """Tell each way's rates and times, and ours ÷ its rate, round by round."""
    columns = ("way", "rows", "rows/s", "whole s", "ours ÷ it", "target")
    reference = [result.steady for result in measured[OURS]]
    rows = [(LABEL, *_cells(measured[OURS]), "", "")]
    for competitor in chosen:
        results = measured[competitor.name]
        ratios = [own / result.steady for own, result in zip(reference, results, strict=True)]
        told = median_and_worst(ratios, ".2f", worst=min)
        rows.append((competitor.label, *_cells(results), told, competitor.target))
    return Figures(columns, rows)


def _cells(results: list[Measured]) -> tuple[str, str, str]:
    rates = median_and_worst([result.steady for result in results], worst=min)
    walls = median_and_worst([result.wall_s for result in results], ".1f")
    return f"{results[0].rows:,}", rates, walls


def _progress() -> Progress:
    columns = (
        TextColumn("{task.description:22}"),
        BarColumn(),
        TextColumn("{task.completed:,}/{task.total:,}"),
    )
    return Progress(*columns, TimeElapsedColumn(), console=console, refresh_per_second=1)


def _chosen(among: tuple[Competitor, ...], names: str) -> list[Competitor]:
    if names in ("all", "none"):
        return list(among) if names == "all" else []
    known = {competitor.name: competitor for competitor in among}
    unknown = set(names.split(",")) - set(known)
    if unknown:
        raise SystemExit(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    return [known[name] for name in names.split(",")]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=3_000_000)
    parser.add_argument("--peers", default="all", help=f"all, none, or of {','.join(c.name for c in PEERS)}")
    parser.add_argument(
        "--limits", default="all", help=f"all, none, or of {','.join(c.name for c in LIMITS)}"
    )
    parser.add_argument("--warm-up", type=float, default=WARM_UP, help="share of each one's rows")
    add_run_arguments(parser)
    return parser.parse_args()


if __name__ == "__main__":
    main()
