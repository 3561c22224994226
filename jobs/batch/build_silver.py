"""Bring silver and rejects of data sets up to bronze."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from courant.batch.silver import build_silver, to_document
from courant.domain.contract import find_contract
from courant.job import Outcome, run_batch
from courant.session import get_spark
from courant.settings import Settings


def main(arguments: argparse.Namespace, settings: Settings) -> Outcome:
    """Build each data set's silver; report what was done."""
    contracts = [find_contract(settings.contracts_dir, name) for name in dict.fromkeys(arguments.dataset)]
    spark = get_spark("build_silver")
    runs = [build_silver(spark, settings, contract) for contract in contracts]
    return Outcome(to_document(runs))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", action="append", required=True, help="a contract's name; repeatable")
    parser.add_argument("--out", type=Path, help="the file to write; standard output if left out")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(run_batch("build_silver", main, _arguments()))
