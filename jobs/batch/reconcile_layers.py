"""Compare Kafka, bronze and MySQL of data sets; exits 1 if any differ."""

from __future__ import annotations

import argparse
import json
import sys

from courant.domain.contract import find_contract
from courant.errors import ReconcileError
from courant.job import run_main
from courant.reconcile import reconcile
from courant.reconcile_page import print_reconciliations
from courant.session import get_spark
from courant.settings import load_settings


def main() -> int:
    """Reconcile each data set and print what was found."""
    arguments = _arguments()
    settings = load_settings()
    contracts = [find_contract(settings.contracts_dir, name) for name in dict.fromkeys(arguments.dataset)]
    spark = get_spark("reconcile_layers")
    found = [reconcile(spark, settings, contract) for contract in contracts]
    is_ok = all(one.ok for one in found)
    if arguments.json:
        json.dump(
            {"ok": is_ok, "datasets": {one.dataset: one.to_json() for one in found}}, sys.stdout, indent=2
        )
    else:
        print_reconciliations(found)
    return 0 if is_ok else ReconcileError.exit_code


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", action="append", required=True, help="a contract's name; repeatable")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(run_main(main))
