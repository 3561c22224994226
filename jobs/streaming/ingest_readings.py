"""Stream data sets from Kafka into MySQL and Delta bronze, with exactly-once effect in each."""

from __future__ import annotations

import argparse
import sys

from courant.domain.contract import find_contract
from courant.errors import CourantError
from courant.ingest.application import run_ingest
from courant.job import report_failure, start_logging
from courant.session import get_spark
from courant.settings import load_settings


def main() -> int:
    """Read the arguments, then stream until drained or stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", action="append", required=True, help="a contract's name; repeatable")
    parser.add_argument(
        "--drain", action="store_true", help="stop when caught up with the topic as it is now"
    )
    arguments = parser.parse_args()
    start_logging()
    try:
        settings = load_settings()
        contracts = [find_contract(settings.contracts_dir, name) for name in dict.fromkeys(arguments.dataset)]
        spark = get_spark("ingest_readings")
        run_ingest(spark, settings, contracts, drain=arguments.drain)
    except CourantError as error:
        return report_failure(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
