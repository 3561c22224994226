"""Many rounds of the fault matrix: a line for each cell, and the figures of docs/reliability.md.

make test-faults ROUNDS=200 SEED=1 ARGS="--records 5000 --cells deadlock,mysql_killed"
"""

from __future__ import annotations

import argparse
import math
import shutil
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path

import pytest
from fault_cells import CELLS, Cell
from fault_scene import Round, play
from ingesting import a_session, a_stack_of_its_own
from machine import console, describe_machine
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

REPORT = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- figures: written by make test-faults -->\n", "<!-- end of figures -->"
COLUMNS = (
    "cell", "fault", "rounds", "faults struck", "records", "missing", "doubled", "stale", "longest recovery, s",
    "failed",
)  # fmt: skip


@dataclass(frozen=True)
class Played:
    """A round that was played: how it ended, or the failure that ended it."""

    cell: Cell
    ended: Round | None
    failure: str = ""

    @property
    def ok(self) -> bool:
        """Whether it was struck and came to its end, and nothing is missing, doubled or stale."""
        return self.ended is not None and self.ended.struck > 0 and self.ended.verdict.ok


def main() -> int:
    """Play the rounds, and tell what they found; 1 where one failed."""
    arguments = _arguments()
    home = Path(tempfile.mkdtemp(prefix="courant-faults-"))
    played: list[Played] = []
    try:
        with a_stack_of_its_own(home / "stack") as stack, a_session() as spark, _progress() as progress:
            machine, task = describe_machine(stack), progress.add_task("", total=arguments.rounds)
            for number, cell in enumerate(islice(cycle(arguments.cells), arguments.rounds)):
                seed, folder = arguments.seed + number, home / f"round{number}"
                progress.update(task, description=cell.what)
                try:
                    ended = play(
                        spark, stack, folder, cell.strike, may_end_with=cell.may_end_with,
                        name=f"{cell.name}_{seed}", seed=seed, records=arguments.records,
                    )  # fmt: skip
                    played.append(Played(cell, ended))
                except pytest.skip.Exception as reason:
                    progress.console.print(f"{cell.name}: {reason}")
                    progress.advance(task)
                    continue
                except Exception as failure:  # the next round is played all the same
                    played.append(Played(cell, None, f"{type(failure).__name__}: {failure}"))
                if not played[-1].ok:
                    progress.console.print(
                        f"{cell.name}, seed {seed}: {played[-1].failure or played[-1].ended}"
                    )
                shutil.rmtree(folder, ignore_errors=True)
                progress.advance(task)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    rows = [_row(cell, [one for one in played if one.cell is cell]) for cell in arguments.cells]
    table = Table(*COLUMNS)
    for row in rows:
        table.add_row(*row)
    console.print(table)
    if arguments.write:
        command = f"make test-faults ROUNDS={arguments.rounds} SEED={arguments.seed}"
        about = f'`{command} ARGS="--records {arguments.records}"`, {datetime.now(UTC):%Y-%m-%d}, on:'
        _write(f"{about}\n\n    {machine.replace(chr(10), chr(10) + '    ')}\n\n{_markdown(rows)}")
    return 0 if all(one.ok for one in played) else 1


def _row(cell: Cell, played: list[Played]) -> tuple[str, ...]:
    ended = [one.ended for one in played if one.ended]
    recoveries = [one.recovery_s for one in ended if not math.isnan(one.recovery_s)]
    return (
        str(cell.number), cell.what, str(len(played)), str(sum(one.struck for one in ended)),
        str(sum(one.records for one in ended)),
        *(str(sum(one.verdict.total(what) for one in ended)) for what in ("missing", "doubled", "stale")),
        f"{max(recoveries):.1f}" if recoveries else "–", str(sum(not one.ok for one in played)),
    )  # fmt: skip


def _markdown(rows: Iterable[tuple[str, ...]]) -> str:
    lines = [COLUMNS, ("---",) * len(COLUMNS), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _write(figures: str) -> None:
    text = REPORT.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN)
    REPORT.write_text(f"{head}{BEGIN}\n{figures}\n{END}{rest.split(END)[1]}", encoding="utf-8")
    console.print(f"written: {REPORT}")


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=len(CELLS), help="over all cells, one after the other")
    parser.add_argument(
        "--seed",
        type=int,
        default=1,
        help="of the first round; the next ones count on. It draws records and moments",
    )
    parser.add_argument("--records", type=int, default=100_000, help="a round")
    parser.add_argument("--cells", type=_cells, default=CELLS, help=", ".join(cell.name for cell in CELLS))
    parser.add_argument("--write", action="store_true", help="put the figures into docs/reliability.md")
    arguments = parser.parse_args()
    if arguments.write and (arguments.cells != CELLS or arguments.rounds < len(CELLS)):
        parser.error("--write is for the table of all cells: leave out --cells, and play a round of each")
    return arguments


def _cells(names: str) -> list[Cell]:
    known = {cell.name: cell for cell in CELLS}
    try:
        return [known[name] for name in names.split(",")]
    except KeyError as unknown:
        raise argparse.ArgumentTypeError(f"no cell {unknown}; there are {', '.join(known)}") from None


if __name__ == "__main__":
    sys.exit(main())
