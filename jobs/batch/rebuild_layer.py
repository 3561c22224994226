"""Make a layer of data sets anew, whole or some Paris days of it."""

from __future__ import annotations

import argparse
import sys
from datetime import date
from pathlib import Path

from courant.batch.rebuild import LAYERS, rebuild
from courant.batch.rebuild_parts import days_between
from courant.domain.contract import find_contract
from courant.job import Outcome, run_batch
from courant.session import get_spark
from courant.settings import Settings


def main(arguments: argparse.Namespace, settings: Settings) -> Outcome:
    """Rebuild the layer; report what was made."""
    days = days_between(arguments.first, arguments.last)
    contracts = [find_contract(settings.contracts_dir, name) for name in dict.fromkeys(arguments.dataset)]
    spark = get_spark("rebuild_layer")
    return Outcome(rebuild(spark, settings, contracts, layer=arguments.layer, days=days))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("layer", choices=LAYERS, help="what is made anew")
    parser.add_argument("--dataset", action="append", required=True, help="a contract's name; repeatable")
    parser.add_argument(
        "--from", dest="first", type=date.fromisoformat, help="the first Paris day; else all days"
    )
    parser.add_argument(
        "--to", dest="last", type=date.fromisoformat, help="the last Paris day; else the first alone"
    )
    parser.add_argument("--out", type=Path, help="the file to write; standard output if left out")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(run_batch("rebuild_layer", main, _arguments()))
