"""Write silver of data sets as plain Parquet."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from courant.batch.export import export_silver, to_document
from courant.domain.contract import find_contract
from courant.job import Outcome, run_batch
from courant.session import get_spark
from courant.settings import Settings


def main(arguments: argparse.Namespace, settings: Settings) -> Outcome:
    """Export the data sets, one after the other; report what was written."""
    spark = get_spark("export_silver")
    contracts = [find_contract(settings.contracts_dir, name) for name in dict.fromkeys(arguments.dataset)]
    done = [export_silver(spark, settings, contract, arguments.folder.resolve()) for contract in contracts]
    return Outcome(to_document(done))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", action="append", required=True, help="a contract's name; repeatable")
    parser.add_argument("--folder", type=Path, required=True, help="a folder for each data set is made in it")
    parser.add_argument("--out", type=Path, help="the file to report to; standard output if left out")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(run_batch("export_silver", main, _arguments()))
