"""Bring gold up to the silver of data sets."""

from __future__ import annotations

import argparse
import sys
from datetime import date
from pathlib import Path

from courant.batch.gold import build_gold, to_document
from courant.domain.contract import find_contract
from courant.job import Outcome, run_batch
from courant.session import get_spark
from courant.settings import Settings


def main(arguments: argparse.Namespace, settings: Settings) -> Outcome:
    """Build gold of the data sets; report what was done."""
    contracts = [find_contract(settings.contracts_dir, name) for name in dict.fromkeys(arguments.dataset)]
    return Outcome(to_document(build_gold(get_spark("build_gold"), settings, contracts, days=arguments.day)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", action="append", required=True, help="a contract's name; repeatable")
    parser.add_argument(
        "--day", action="append", type=date.fromisoformat, help="a Paris day to make anew; repeatable"
    )
    parser.add_argument("--out", type=Path, help="the file to write; standard output if left out")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(run_batch("build_gold", main, _arguments()))
