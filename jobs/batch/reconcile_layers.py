"""Compare Kafka, bronze and MySQL of data sets; exits 1 if any differ."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from courant.domain.contract import find_contract
from courant.errors import ReconcileError
from courant.job import Outcome, run_batch
from courant.reconcile import reconcile, to_document
from courant.session import get_spark
from courant.settings import Settings


def main(arguments: argparse.Namespace, settings: Settings) -> Outcome:
    """Reconcile each data set; report what was found."""
    contracts = [find_contract(settings.contracts_dir, name) for name in dict.fromkeys(arguments.dataset)]
    spark = get_spark("reconcile_layers")
    found = [reconcile(spark, settings, contract) for contract in contracts]
    return Outcome(to_document(found), 0 if all(one.ok for one in found) else ReconcileError.exit_code)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", action="append", required=True, help="a contract's name; repeatable")
    parser.add_argument("--out", type=Path, help="the file to write; standard output if left out")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(run_batch("reconcile_layers", main, _arguments()))
