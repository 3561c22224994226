"""How the cost of a record grows: with the rows stored, with partitions, with batches; and memory over an hour.

python bench/growth.py [--runs N] [--write]                                 # rows, partitions and batches
python bench/growth.py rows [--at 1,5,20] [--measured 1000000]              # so many million rows are there already
python bench/growth.py partitions [--counts 1,4,16] [--rows 1000000]
python bench/growth.py batches [--sizes 1000,10000,50000,250000] [--rows 1000000]
python bench/growth.py memory [--minutes 60] [--rate 2000] [--warm-up-rows 2000000]

To try it out (the figures mean nothing): rows --at 0.1,0.2 --measured 50000
                                          memory --minutes 1 --warm-up-rows 20000
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from figures import WARM_UP
from growing_store import Drained, GrowingStore, check_disk, growing_store
from growth_memory import describe_hours, memory_figures, watch
from machine import console, describe_machine
from report import Figures, Measurement, add_run_arguments, median_and_worst, tell
from servers import bench_stack

MILLION = 1_000_000
FEWEST_BATCHES, MOST_BATCHES = 4, 60  # a small batch takes about as long as a large one
AT_ONCE = ("rows", "partitions", "batches")  # what is measured when no name is given
COLUMNS: dict[str, tuple[Callable[[Drained], float], str]] = {
    "µs, MySQL": (lambda one: one.mysql.record_us, ".1f"),
    "µs, its load": (lambda one: one.load_us, ".1f"),
    "µs, bronze": (lambda one: one.bronze.record_us, ".1f"),
    "s a batch, MySQL": (lambda one: one.mysql.batch_s, ".2f"),
    "s a batch, bronze": (lambda one: one.bronze.batch_s, ".2f"),
    "whole s": (lambda one: one.wall_s, ".1f"),
}
Lines = Iterator[tuple[str, Drained]]


@dataclass(frozen=True, slots=True)
class Kind:
    """One thing that grows."""

    name: str
    heading: str  # of the first column
    measure: Callable[[argparse.Namespace], Lines]
    about: str
    columns: Sequence[str] = ("µs, MySQL", "µs, its load", "µs, bronze", "whole s")  # of COLUMNS
    target: str = ""  # of the ratio to the first line


def main() -> None:
    for arguments in _chosen(sys.argv[1:]):
        arguments.run(arguments)


def rows_lines(arguments: argparse.Namespace) -> Lines:
    """Fill one ingest's sinks; at each mark let a fresh ingest bring more."""
    _check_marks(arguments.at, arguments.measured)
    check_disk(arguments.at[-1] + arguments.measured)
    with growing_store() as store:
        for mark in arguments.at:
            if missing := mark - store.rows:
                store.take(missing, batch=store.settings.ingest.max_offsets_per_trigger, what="filling")
            yield f"{mark:,}", _take(store, arguments.measured, arguments.warm_up)
        store.check_rows()


def partitions_lines(arguments: argparse.Namespace) -> Lines:
    """Measure the same rows in topics with so many partitions, each on a stack of its own."""
    for count in arguments.counts:
        with growing_store(partitions=count) as store:
            yield f"{count:,}", _take(store, arguments.rows, arguments.warm_up)


def batches_lines(arguments: argparse.Namespace) -> Lines:
    """Measure batches of each size, each on a stack of its own."""
    if arguments.rows < FEWEST_BATCHES * max(arguments.sizes):
        raise SystemExit(
            f"--rows {arguments.rows:,} are too few for {FEWEST_BATCHES} batches of {max(arguments.sizes):,}"
        )
    for size in arguments.sizes:
        with growing_store() as store:
            rows = min(arguments.rows // size, MOST_BATCHES) * size
            yield f"{size:,}", store.take(rows, batch=size, warm_up=arguments.warm_up)


KINDS = (
    Kind(
        "rows",
        "rows there already",
        rows_lines,
        "{measured:,} records more at each mark, by a fresh ingest; warm-up {warm_up:.0%} of them.",
        target="≤ 1.20",
    ),
    Kind(
        "partitions",
        "partitions",
        partitions_lines,
        "{rows:,} records into empty sinks; warm-up {warm_up:.0%} of them.",
    ),
    Kind(
        "batches",
        "records a batch",
        batches_lines,
        f"{{rows:,}} records into empty sinks, but at most {MOST_BATCHES} batches; warm-up {{warm_up:.0%}} of them.",
        columns=("s a batch, MySQL", "s a batch, bronze", "whole s"),
    ),
)


def run_kind(kind: Kind, arguments: argparse.Namespace) -> None:
    """Measure one thing that grows as often as asked, and tell it."""
    found: dict[str, list[Drained]] = defaultdict(list)
    for number in range(1, arguments.runs + 1):
        for label, drained in kind.measure(arguments):
            found[label].append(drained)
            text = f"run {number}: {kind.heading}: {label}: {drained.record_us:.1f} µs a record"
            console.print(text, highlight=False, soft_wrap=True)
    machine = next(iter(found.values()))[0].machine
    about = kind.about.format(**vars(arguments))
    tell(console, Measurement(f"growth-{kind.name}", machine, about, [_figures(kind, found)]), arguments)


def run_memory(arguments: argparse.Namespace) -> None:
    """Watch the driver's memory at a steady pace, and tell it."""
    check_disk(arguments.warm_up_rows + round(arguments.rate * arguments.minutes * 60))
    hours, machines = [], []
    for _ in range(arguments.runs):
        with bench_stack(console) as settings:
            machines.append(describe_machine(settings))
            hours.append(watch(settings, arguments.minutes, arguments.rate, arguments.warm_up_rows))
    found = Measurement("growth-memory", machines[0], describe_hours(hours), [memory_figures(hours)])
    tell(console, found, arguments)


def _figures(kind: Kind, found: dict[str, list[Drained]]) -> Figures:
    """Tell each line's cost, and its ratio to the first line's, run by run."""
    first = next(iter(found.values()))
    rows = [_row(kind, label, runs, first) for label, runs in found.items()]
    target = ["target"] if kind.target else []
    return Figures((kind.heading, "rows/s", "µs a record", *kind.columns, "ratio", *target), rows)


def _row(kind: Kind, label: str, runs: list[Drained], first: list[Drained]) -> list[str]:
    ratios = [one.record_us / reference.record_us for one, reference in zip(runs, first, strict=True)]
    return [
        label,
        median_and_worst([1e6 / one.record_us for one in runs], worst=min),
        median_and_worst([one.record_us for one in runs], ".1f"),
        *[median_and_worst(map(value, runs), form) for value, form in map(COLUMNS.__getitem__, kind.columns)],
        median_and_worst(ratios, ".2f"),
        *(["" if runs is first else kind.target] if kind.target else []),
    ]


def _take(store: GrowingStore, rows: int, warm_up: float) -> Drained:
    """Measure so many records in batches of the usual size, or in a few smaller ones."""
    batches = max(math.ceil(rows / store.settings.ingest.max_offsets_per_trigger), FEWEST_BATCHES)
    return store.take(rows, batch=math.ceil(rows / batches), warm_up=warm_up)


def _check_marks(marks: Sequence[int], measured: int) -> None:
    if any(later - earlier < measured for earlier, later in pairwise(marks)):
        raise SystemExit(f"--at must ascend, each mark by at least the {measured:,} records of --measured")


def _chosen(words: list[str]) -> list[argparse.Namespace]:
    """Parse the command line; without a name it stands for several measurements."""
    parser = _parser()
    is_named = bool(words) and (not words[0].startswith("-") or words[0] in ("-h", "--help"))
    return [parser.parse_args(line) for line in ([words] if is_named else [[n, *words] for n in AT_ONCE])]


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    named = parser.add_subparsers(metavar="NAME", required=True)
    own = {kind.name: named.add_parser(kind.name, help=kind.measure.__doc__) for kind in KINDS}
    for kind in KINDS:
        own[kind.name].set_defaults(run=partial(run_kind, kind))
        own[kind.name].add_argument("--warm-up", type=_share, default=WARM_UP, help="share of the records")
    own["rows"].add_argument("--at", type=_list_of(_millions), default="1,5,20", help="marks, in millions")
    own["rows"].add_argument("--measured", type=_positive, default=MILLION, help="records at each mark")
    own["partitions"].add_argument("--counts", type=_list_of(_positive), default="1,4,16")
    own["batches"].add_argument("--sizes", type=_list_of(_positive), default="1000,10000,50000,250000")
    for name in ("partitions", "batches"):
        own[name].add_argument("--rows", type=_positive, default=MILLION, help="records of each line")
    own["memory"] = named.add_parser("memory", help=run_memory.__doc__)
    own["memory"].set_defaults(run=run_memory)
    own["memory"].add_argument("--minutes", type=_minutes, default=60, help="that are watched")
    own["memory"].add_argument("--rate", type=_positive, default=2_000, help="records per second")
    own["memory"].add_argument(
        "--warm-up-rows", type=_positive, default=2_000_000, help="sent before, at once"
    )
    for one in own.values():
        add_run_arguments(one)
    own["rows"].set_defaults(runs=1)  # 20 million rows take a while
    own["memory"].set_defaults(runs=1)
    return parser


def _list_of(parse: Callable[[str], int]) -> Callable[[str], list[int]]:
    return lambda text: [parse(part) for part in text.split(",")]


def _millions(text: str) -> int:
    rows = round(_number(text) * MILLION)
    if rows < 0:
        raise argparse.ArgumentTypeError(f"{text} million rows cannot be there")
    return rows


def _positive(text: str) -> int:
    number = _number(text)
    if number < 1 or number != int(number):
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 1 on")
    return int(number)


def _minutes(text: str) -> float:
    number = _number(text)
    if number <= 0:
        raise argparse.ArgumentTypeError(f"{text} minutes cannot be watched")
    return number


def _share(text: str) -> float:
    number = _number(text)
    if not 0 <= number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a share from 0 to below 1")
    return number


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


if __name__ == "__main__":
    main()
