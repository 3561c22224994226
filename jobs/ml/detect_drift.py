"""Say of each series whether its features drifted; exits 32 if no series has enough history."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from courant.batch.drift import detect_drift, to_document
from courant.domain.contract import find_contract
from courant.job import Outcome, run_batch
from courant.ml.drift import RECENT_DAYS
from courant.settings import Settings

_EXAMPLE = "example: python jobs/ml/detect_drift.py --dataset balance --out drift.json"


def main(arguments: argparse.Namespace, settings: Settings) -> Outcome:
    """Judge each series of the data sets; report what drifted. Needs no Spark session."""
    datasets = [find_contract(settings.contracts_dir, name).name for name in dict.fromkeys(arguments.dataset)]
    checks = detect_drift(settings, datasets, now=datetime.now(UTC), recent_days=arguments.days)
    return Outcome(to_document(checks, datasets))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, epilog=_EXAMPLE)
    parser.add_argument("--dataset", action="append", required=True, help="a contract's name; repeatable")
    parser.add_argument(
        "--days",
        type=_days,
        default=RECENT_DAYS,
        help="how many of the last days are judged, 21 to 90 (default: %(default)s)",
    )
    parser.add_argument("--out", type=Path, help="the file to write; standard output if left out")
    return parser.parse_args()


def _days(text: str) -> int:
    if not 21 <= int(text) <= 90:
        raise argparse.ArgumentTypeError(f"21 to 90 days were expected, found {text}")
    return int(text)


if __name__ == "__main__":
    sys.exit(run_batch("detect_drift", main, _arguments()))
