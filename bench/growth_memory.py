"""The driver's memory while records come at a steady pace: whether the last third is as small as the first."""

from __future__ import annotations

import multiprocessing
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import mean

import numpy as np
import ours
from growing_store import FEWEST_A_DAY, bars
from memory_sampler import MIB, Look, take_look
from records import DATASET, FIRST_DAY, fill_topic, messages
from report import Figures, median_and_worst
from rich.progress import Progress

from courant.domain.contract import find_contract
from courant.local.java import java_command
from courant.settings import Settings
from courant.stores.kafka import RecordSender

LOOK_EVERY_S = 5.0
SLICES_A_SECOND = 10  # records are sent in
WARM_WITHIN_S = 600
PARTS = 6  # lines of the table
MEASURES: dict[str, Callable[[Look], int]] = {
    "JVM RSS": lambda look: look.jvm,
    "Python RSS": lambda look: look.python,
    "both": lambda look: look.jvm + look.python,
    "PSS": lambda look: look.proportional,
}


@dataclass(frozen=True, slots=True)
class Hour:
    """What was seen of one driver."""

    looks: list[Look]
    minutes: float
    rate: int  # records per second
    warm_up_rows: int  # sent before
    behind: int  # records that MySQL had not committed at the last look
    heap_before: float  # bytes of the JVM's objects that are in use, nan where that cannot be asked
    heap_after: float


def watch(settings: Settings, minutes: float, rate: int, warm_up_rows: int) -> Hour:
    """Bring records at full speed first, then look at the driver while others come at the rate."""
    rows, first_day = round(rate * minutes * 60), FIRST_DAY + timedelta(days=warm_up_rows // FEWEST_A_DAY + 1)
    with (
        ours.Ingest(settings, drain=False) as ingest,
        multiprocessing.get_context("spawn").Pool(1) as pool,
        bars() as progress,
    ):
        _warm_up(settings, ingest, warm_up_rows, progress)
        heap_before = _live_heap(ingest)
        bar, looks = progress.add_task(f"{rate:,} records/s", total=rows), []
        sending, started = pool.apply_async(pace, (settings, first_day, rate, rows)), time.monotonic()
        while not sending.ready():
            _check(ingest)
            looks.append(take_look(settings, ingest, time.monotonic() - started))
            progress.update(bar, completed=looks[-1].rows - warm_up_rows)
            sending.wait(LOOK_EVERY_S)
        behind = warm_up_rows + sending.get() - ours.mysql_rows(settings)
        return Hour(looks, minutes, rate, warm_up_rows, behind, heap_before, _live_heap(ingest))


def pace(settings: Settings, first_day: date, rate: int, rows: int) -> int:
    """Send so many records at the rate; give how many the broker has."""
    contract = find_contract(settings.contracts_dir, DATASET)
    with RecordSender(settings, contract.topic) as sender:
        started = time.monotonic()
        for frame in messages(contract, rows, first_day=first_day):
            for piece in frame.iter_slices(max(rate // SLICES_A_SECOND, 1)):
                sender.send(piece["key"].to_list(), piece["value"].to_list())
                time.sleep(max(started + sender.sent / rate - time.monotonic(), 0))
    return sender.acknowledged


def describe_hours(hours: Sequence[Hour]) -> str:
    """Tell what was watched, and how much of the JVM's heap was in use before and after it."""
    first = hours[0]
    behind = median_and_worst(hour.behind for hour in hours)
    before, after = (
        median_and_worst((getattr(hour, name) / MIB for hour in hours), ",.1f")
        for name in ("heap_before", "heap_after")
    )
    return (
        f"{first.rate:,} records/s for {first.minutes:g} minutes, after {first.warm_up_rows:,} at full speed; "
        f"{len(first.looks):,} looks. At the end MySQL was {behind} records behind. Of the JVM's heap a forced "
        f"collection left {before} MiB before the time that is watched, and {after} MiB after it. The target is: flat."
    )


def memory_figures(hours: Sequence[Hour]) -> Figures:
    """Tell the mean of each part in MiB, the last third against the first, and the slope over all looks."""
    runs = [_lines(hour) for hour in hours]
    rows = [_row([lines[number] for lines in runs]) for number in range(len(runs[0]))]
    return Figures(("MiB", *MEASURES), rows)


def _lines(hour: Hour) -> list[tuple[str, str, list[float]]]:
    """Give each line's label, the form of its figures, and a figure of each measure."""
    whole = hour.minutes * 60
    edges = [whole * part / PARTS for part in range(PARTS + 1)]
    parts = [
        (f"minutes {start / 60:.3g} to {stop / 60:.3g}", ",.0f", _means(hour, start, stop))
        for start, stop in pairwise(edges)
    ]
    first, last = _means(hour, 0, whole / 3), _means(hour, whole * 2 / 3, whole)
    return [
        *parts,
        ("mean of the first third", ",.0f", first),
        ("mean of the last third", ",.0f", last),
        ("change", "+.1%", [after / before - 1 for before, after in zip(first, last, strict=True)]),
        ("slope an hour", "+,.0f", _slopes(hour)),
        ("highest", ",.0f", [max(map(measure, hour.looks)) / MIB for measure in MEASURES.values()]),
    ]


def _row(runs: Sequence[tuple[str, str, list[float]]]) -> list[str]:
    label, form, _ = runs[0]
    by_measure = zip(*(values for _, _, values in runs), strict=True)
    return [label, *[median_and_worst(values, form) for values in by_measure]]


def _means(hour: Hour, start_s: float, stop_s: float) -> list[float]:
    """Give the mean of each measure in MiB over a part of the time."""
    looks = [look for look in hour.looks if start_s <= look.at_s <= stop_s]
    return [mean(map(measure, looks)) / MIB if looks else float("nan") for measure in MEASURES.values()]


def _slopes(hour: Hour) -> list[float]:
    """Give the slope of each measure's least-squares line, in MiB an hour."""
    hours = [look.at_s / 3600 for look in hour.looks]
    lines = [
        np.polyfit(hours, [measure(look) / MIB for look in hour.looks], 1) for measure in MEASURES.values()
    ]
    return [float(line[0]) for line in lines]


def _warm_up(settings: Settings, ingest: ours.Ingest, rows: int, progress: Progress) -> None:
    """Send records at once, and wait until both sinks have them."""
    contract, bar = (
        find_contract(settings.contracts_dir, DATASET),
        progress.add_task("warming up", total=rows),
    )
    fill_topic(settings, contract, rows, on_progress=lambda _: None)
    deadline = time.monotonic() + WARM_WITHIN_S
    while (done := min(ours.mysql_rows(settings), _bronze_rows(settings))) < rows:
        _check(ingest)
        if time.monotonic() > deadline:
            raise SystemExit(f"after {WARM_WITHIN_S} s both sinks have {done:,.0f} of {rows:,} records")
        progress.update(bar, completed=done)
        time.sleep(1)
    progress.update(bar, completed=rows)


def _bronze_rows(settings: Settings) -> float:
    commits = ours.bronze_commits(settings)
    return commits[-1].rows if commits else 0


def _check(ingest: ours.Ingest) -> None:
    if not ingest.check():
        raise SystemExit(f"the ingest ended by itself:\n{ingest.log.read_text(errors='replace')[-4000:]}")


def _live_heap(ingest: ours.Ingest) -> float:
    """Give the bytes of all objects that a full collection leaves in the JVM; nan without jcmd, as in a JRE."""
    jcmd = shutil.which("jcmd", path=Path(java_command()[0]).resolve().parent)
    virtual_machines = [process.pid for process in ingest.tree() if "java" in process.name()]
    if not jcmd or not virtual_machines:
        return float("nan")
    command = [jcmd, str(virtual_machines[0]), "GC.class_histogram"]  # it collects before it counts
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return float(said.split()[-1])  # Total, instances, bytes
