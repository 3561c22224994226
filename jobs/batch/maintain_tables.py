"""Merge small files of the lake's Delta tables and delete what no version needs; exits 20 if one is too busy."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from courant.batch.maintain import maintain, to_document
from courant.errors import AnotherWriterError
from courant.job import Outcome, run_batch
from courant.settings import Settings
from courant.stores.delta_upkeep import WEEK_H


def main(arguments: argparse.Namespace, settings: Settings) -> Outcome:
    """Take care of every table; report what was done. Needs no Spark session."""
    done = maintain(
        settings.lake.root,
        retention_hours=arguments.retention_hours,
        allow_short=arguments.allow_short_retention,
    )
    return Outcome(to_document(done), 0 if all(one.ok for one in done) else AnotherWriterError.exit_code)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--retention-hours",
        type=int,
        default=WEEK_H,
        help="how long unneeded files stay (default: %(default)s)",
    )
    parser.add_argument(
        "--allow-short-retention", action="store_true", help=f"less than {WEEK_H} hours is meant"
    )
    parser.add_argument("--out", type=Path, help="the file to write; standard output if left out")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(run_batch("maintain_tables", main, _arguments()))
