"""How a bench tells its figures: on the screen, and in its section of docs/benchmarks.md."""

from __future__ import annotations

import argparse
import math
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

REPORT = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
RUNS = 3  # of a figure that is told


@dataclass(frozen=True, slots=True)
class Figures:
    """A table whose first column is text, and the others figures."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def for_screen(self) -> Table:
        """Give the table as the console draws it."""
        table = Table()
        for number, heading in enumerate(self.columns):
            table.add_column(heading, justify="right" if number else "left")
        for row in self.rows:
            table.add_row(*row)
        return table

    def as_markdown(self) -> str:
        """Give the table as Markdown."""
        lines = [self.columns, ("---",) * len(self.columns), *self.rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a bench found."""

    section: str  # of the report
    machine: str  # and its versions, in lines
    about: str  # what was measured
    tables: Sequence[Figures]


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what every bench of the report takes: `--runs` and `--write`."""
    parser.add_argument(
        "--runs", type=int, default=RUNS, help="of which the medians are told (default: %(default)s)"
    )
    parser.add_argument(
        "--write",
        type=Path,
        nargs="?",
        const=REPORT,
        metavar="FILE",
        help="put the figures into their section of docs/benchmarks.md, or of a copy of it",
    )


def median_and_worst(
    values: Iterable[float], form: str = ",.0f", *, worst: Callable[[Sequence[float]], float] = max
) -> str:
    """Tell the median of the runs and, in brackets, the worst of them; one run stands alone, and NaN is a dash."""
    runs = list(values)
    if math.isnan(median(runs)):
        return "–"
    told = format(median(runs), form)
    return f"{told} ({format(worst(runs), form)})" if len(runs) > 1 else told


def tell(console: Console, found: Measurement, arguments: argparse.Namespace) -> None:
    """Print what was measured, and write it into its section where `--write` asks for it."""
    console.print(f"\n{found.machine}\n{found.about}", highlight=False, soft_wrap=True)
    for table in found.tables:
        console.print(table.for_screen())
    if arguments.write:
        indented = "\n".join(f"    {line}" for line in found.machine.splitlines())
        tables = [table.as_markdown() for table in found.tables]
        text = "\n\n".join([_made_by(arguments.runs), indented, found.about, *tables])
        write_section(found.section, text, report=arguments.write)
        console.print(f"written: {found.section} in {arguments.write}", highlight=False, soft_wrap=True)


def write_section(name: str, markdown: str, *, report: Path = REPORT) -> None:
    """Replace what stands between the two comments of a section; all else stays as it is."""
    begin, end = f"<!-- {name}: written by make bench -->\n", f"<!-- end of {name} -->"
    text = report.read_text(encoding="utf-8")
    if text.count(begin) != 1 or text.count(end) != 1:
        raise SystemExit(f"{report} wants one section {name}, from {begin.strip()} to {end}")
    head, rest = text.split(begin)
    report.write_text(f"{head}{begin}\n{markdown.strip()}\n\n{end}{rest.split(end)[1]}", encoding="utf-8")


def typed_command(words: Sequence[str]) -> str:
    """Give a bench's command line, without where it writes and the address of a server that it names."""
    line = " ".join([f".venv/bin/python bench/{Path(words[0]).name}", *words[1:]])
    return re.sub(r"mongodb\S*", "…", re.sub(r" --write([ =](?!-)\S+)?", "", line))


def _made_by(runs: int) -> str:
    told = f"medians of {runs} runs, the worst in brackets" if runs > 1 else "one run"
    return f"`{typed_command(sys.argv)}`, {datetime.now(UTC):%Y-%m-%d}, {told}, on:"
