"""Stream data sets from Kafka into MySQL and Delta bronze, with exactly-once effect in each."""

from __future__ import annotations

import argparse
import sys

from courant.domain.contract import find_contract
from courant.ingest.application import run_ingest
from courant.job import run_main
from courant.session import get_spark
from courant.settings import load_settings


def main() -> int:
    """Stream until drained or stopped."""
    arguments = _arguments()
    settings = load_settings()
    contracts = [find_contract(settings.contracts_dir, name) for name in dict.fromkeys(arguments.dataset)]
    run_ingest(get_spark("ingest_readings"), settings, contracts, drain=arguments.drain)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", action="append", required=True, help="a contract's name; repeatable")
    parser.add_argument("--drain", action="store_true", help="stop when caught up with the topic as it is")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(run_main(main))
