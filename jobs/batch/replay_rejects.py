"""Take the rejects that a mended contract lets pass into silver and MySQL, once, and mark them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from courant.batch.replay_rejects import replay_rejects, to_document
from courant.domain.contract import find_contract
from courant.job import Outcome, run_batch
from courant.session import get_spark
from courant.settings import Settings


def main(arguments: argparse.Namespace, settings: Settings) -> Outcome:
    """Replay each data set's rejects; report what was done."""
    contracts = [find_contract(settings.contracts_dir, name) for name in dict.fromkeys(arguments.dataset)]
    spark = get_spark("replay_rejects")
    return Outcome(to_document([replay_rejects(spark, settings, contract) for contract in contracts]))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", action="append", required=True, help="a contract's name; repeatable")
    parser.add_argument("--out", type=Path, help="the file to write; standard output if left out")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(run_batch("replay_rejects", main, _arguments()))
