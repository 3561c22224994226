"""Compare Kafka, bronze and MySQL of data sets; exits 1 if any differ."""

from __future__ import annotations

import argparse
import json
import sys

from courant.domain.contract import find_contract
from courant.errors import CourantError, ReconcileError
from courant.job import report_failure, start_logging
from courant.reconcile import reconcile
from courant.reconcile_page import print_reconciliations
from courant.session import get_spark
from courant.settings import load_settings


def main() -> int:
    """Reconcile each data set and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", action="append", required=True, help="a contract's name; repeatable")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    start_logging()
    try:
        settings = load_settings()
        contracts = [find_contract(settings.contracts_dir, name) for name in dict.fromkeys(arguments.dataset)]
        spark = get_spark("reconcile_layers")
        found = [reconcile(spark, settings, contract) for contract in contracts]
    except CourantError as error:
        return report_failure(error)
    if arguments.json:
        document = {
            "ok": all(one.ok for one in found),
            "datasets": {one.dataset: one.to_json() for one in found},
        }
        json.dump(document, sys.stdout, indent=2)
    else:
        print_reconciliations(found)
    return 0 if all(one.ok for one in found) else ReconcileError.exit_code


if __name__ == "__main__":
    sys.exit(main())
