"""A process that does a measured work: started, watched within its limit of memory, and ended with all it started."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from courant.errors import JobError
from courant.ml.measured_work import SESSION, Task
from courant.ml.process_tree import ProcessTree

SAMPLE_S = 0.05
_SAMPLING_SHARE = 0.1  # of a core: to read the page tables of many GB takes longer, and is done less often
_OUT_OF_MEMORY = re.compile(
    r"OutOfMemoryError|MemoryError|Unable to allocate|System memory \d+ must be at least"
)

Event = Mapping[str, Any]


@dataclass(frozen=True)
class Phase:
    """What one step took; of a step that was repeated, the median, and the greatest peak."""

    wall_s: float
    cpu_s: float  # user and system, of all processes
    peak_pss_mb: float | None  # MiB; None when the step was over between two samples


@dataclass(frozen=True)
class Sample:
    """Memory at a time."""

    at: float  # by time.monotonic
    pss_mb: float  # of the whole process tree


@dataclass(frozen=True)
class WatchedRun:
    """How a process went."""

    events: Sequence[Event]  # the lines of PhaseLog, after the beginning of the session
    samples: Sequence[Sample]
    is_over_limit: bool
    exit_code: int
    stderr: str


def run_task(
    task: Task, environment: Mapping[str, str], *, memory_limit_mb: int, scratch: Path
) -> WatchedRun:
    """Start the process in the scratch folder, watch it to its end, and leave no process of it."""
    lines, stderr = scratch / "phases.jsonl", scratch / "stderr.log"
    command = [sys.executable, "-m", "courant.ml.measured_work", json.dumps(asdict(task))]
    begun = time.monotonic()
    with (
        lines.open("wb") as output,
        stderr.open("wb") as errors,
        subprocess.Popen(
            command, cwd=scratch, env=environment, stdin=subprocess.PIPE, stdout=output, stderr=errors,
            start_new_session=True,
        ) as process,
    ):  # fmt: skip
        samples, is_over_limit = _watch(process, memory_limit_mb)
    events = [{"begin": SESSION, "at": begun}, *map(json.loads, lines.read_text().splitlines())]
    return WatchedRun(events, samples, is_over_limit, process.returncode, stderr.read_text(errors="replace"))


def failure_of(run: WatchedRun, task: Task, *, memory_limit_mb: int) -> str | None:
    """Say in which phase the memory was not enough, be it the limit's or the JVM's; None if it was.

    Raises
    ------
    JobError
        If the process ended badly for another reason.
    """
    phase = [event["begin"] for event in run.events if "begin" in event][-1]
    if run.is_over_limit:
        return f"needed more than {memory_limit_mb} MB, in {phase}"
    if run.exit_code == 0:
        return None
    if found := _OUT_OF_MEMORY.search(run.stderr):
        return f"needed more than {memory_limit_mb} MB, in {phase}: {found[0]}"
    last_line = (run.stderr.strip().splitlines() or ["it said nothing"])[-1]
    raise JobError(
        f"{task.work} on {task.engine} ended in {phase} with exit code {run.exit_code}: {last_line}",
        exit_code=max(run.exit_code, 1),
    )


def phases_of(run: WatchedRun) -> dict[str, Phase]:
    """Give what each phase took that came to its end."""
    begun: dict[str, float] = {}
    found: dict[str, list[Phase]] = defaultdict(list)
    for event in run.events:
        if "begin" in event:
            begun[event["begin"]] = event["at"]
        elif "end" in event:
            start, end = begun[event["end"]], event["at"]
            peak = max((one.pss_mb for one in run.samples if start <= one.at <= end), default=None)
            found[event["end"]].append(Phase(end - start, event["cpu_s"], peak))
    return {name: _typical(repeated) for name, repeated in found.items()}


def _watch(process: subprocess.Popen[bytes], limit_mb: int) -> tuple[list[Sample], bool]:
    """Sample the memory until the process ends or is over the limit; say whether it was."""
    tree, samples = ProcessTree(process.pid), list[Sample]()
    try:
        while process.poll() is None:
            at = time.monotonic()
            samples.append(Sample(at, tree.pss_mb()))
            if samples[-1].pss_mb > limit_mb:
                return samples, True
            pause = max(SAMPLE_S, (time.monotonic() - at) / _SAMPLING_SHARE)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(pause)
        return samples, False
    finally:
        tree.kill()


def _typical(repeated: Sequence[Phase]) -> Phase:
    peaks = [phase.peak_pss_mb for phase in repeated if phase.peak_pss_mb is not None]
    return Phase(
        median(phase.wall_s for phase in repeated),
        median(phase.cpu_s for phase in repeated),
        max(peaks, default=None),
    )
