"""Publish aggregates of data sets as documents in MongoDB: the days that changed, or chosen ones."""

from __future__ import annotations

import argparse
import sys
from datetime import date
from pathlib import Path

from courant.batch.publish import publish, to_document
from courant.batch.rebuild_parts import days_between
from courant.domain.contract import find_contract
from courant.job import Outcome, run_batch
from courant.session import get_spark
from courant.settings import Settings
from courant.stores import mongo


def main(arguments: argparse.Namespace, settings: Settings) -> Outcome:
    """Publish each data set; report what was done."""
    days = days_between(arguments.first, arguments.last)
    contracts = [find_contract(settings.contracts_dir, name) for name in dict.fromkeys(arguments.dataset)]
    with mongo.session(settings):
        pass  # says at once that the server is away, before Spark starts
    spark = get_spark("publish_aggregates")
    return Outcome(to_document(publish(spark, settings, contracts, source=arguments.source, days=days)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", action="append", required=True, help="a contract's name; repeatable")
    parser.add_argument("--source", choices=["mysql", "lake"], default="mysql", help="what is aggregated")
    parser.add_argument(
        "--from", dest="first", type=date.fromisoformat, help="the first Paris day; else what changed"
    )
    parser.add_argument(
        "--to", dest="last", type=date.fromisoformat, help="the last Paris day; else the first alone"
    )
    parser.add_argument("--out", type=Path, help="the file to write; standard output if left out")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(run_batch("publish_aggregates", main, _arguments()))
