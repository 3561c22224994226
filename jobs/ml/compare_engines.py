"""The daily model: compare the engines, train, promote, forecast the next day, score the last ones.

Exits 31 if the engines are not in parity, and 32 if no series has enough days.
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, date, datetime
from pathlib import Path

from courant.batch.compare_engines import ENGINES, ComparisonPlan
from courant.batch.daily_model import run_daily_model, to_document
from courant.domain.contract import find_contract
from courant.job import Outcome, run_batch
from courant.session import get_spark
from courant.settings import Settings

_EXAMPLE = (
    "example: python jobs/ml/compare_engines.py --dataset balance --scales 1,4 --cores 1,2 --out model.json"
)
_DEFAULTS = ComparisonPlan()


def main(arguments: argparse.Namespace, settings: Settings) -> Outcome:
    """Do the day's work for the data sets; the engines are compared on the first that has enough days."""
    datasets = [find_contract(settings.contracts_dir, name).name for name in dict.fromkeys(arguments.dataset)]
    plan = ComparisonPlan(
        engines=arguments.engines,
        with_segments=arguments.segments,
        scales=arguments.scales,
        cores=arguments.cores,
        memory_mb=arguments.memory_mb,
        warm_runs=arguments.warm_runs,
    )
    found = run_daily_model(
        settings,
        datasets,
        plan=plan,
        contenders=arguments.contenders,
        now=datetime.now(UTC),
        open_spark=lambda: get_spark("compare_engines"),
        until=arguments.until,
    )
    return Outcome(to_document(found))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=_EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset", action="append", required=True, help="a contract's name; repeatable")
    parser.add_argument("--engines", type=_engines, default=ENGINES, help="which are compared (default: all)")
    parser.add_argument(
        "--scales", type=_counts, default=_DEFAULTS.scales, help="copies of the rows (default: 1)"
    )
    parser.add_argument(
        "--cores", type=_counts, default=_DEFAULTS.cores, help="numbers of cores (default: 1)"
    )
    parser.add_argument(
        "--memory-mb", type=int, default=_DEFAULTS.memory_mb, help="an engine's limit (default: %(default)s)"
    )
    parser.add_argument(
        "--warm-runs",
        type=int,
        default=_DEFAULTS.warm_runs,
        help="fits after the first (default: %(default)s)",
    )
    parser.add_argument(
        "--no-segments", dest="segments", action="store_false", help="compare the ridge alone, no k-means"
    )
    parser.add_argument(
        "--contenders", choices=("quick", "all"), default="all", help="all: trees too (default: %(default)s)"
    )
    parser.add_argument(
        "--until",
        type=date.fromisoformat,
        help="judge as if this Paris day, 2026-01-31, were the last that is known; for the record alone",
    )
    parser.add_argument("--out", type=Path, help="the file to write; standard output if left out")
    return parser.parse_args()


def _counts(text: str) -> tuple[int, ...]:
    found = tuple(int(part) for part in text.split(","))
    if min(found) < 1:
        raise argparse.ArgumentTypeError(f"numbers from 1 on were expected, found {text}")
    return found


def _engines(text: str) -> tuple[str, ...]:
    found = tuple(text.split(","))
    if not set(found) <= set(ENGINES):
        raise argparse.ArgumentTypeError(f"of {', '.join(ENGINES)} were expected, found {text}")
    return found


if __name__ == "__main__":
    sys.exit(run_batch("compare_engines", main, _arguments()))
