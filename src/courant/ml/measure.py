"""What a work costs on an engine, in a process of its own, within limits of cores and memory. Linux only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import numpy as np

from courant.ml.engines.interface import Array, Labels
from courant.ml.limits import chosen_cores, limited_environment
from courant.ml.measured_work import FIT, FIT_COLD, KMEANS, LOAD, PREDICT, RIDGE, SESSION, Task
from courant.ml.parity import (
    RegressionParity,
    SegmentParity,
    compare_regressions,
    compare_segments,
    inertia,
)
from courant.ml.row_files import RowFile
from courant.ml.scores import rmse
from courant.ml.watched_run import Phase, failure_of, phases_of, run_task

_COLD = {SESSION: "session_wall_s", LOAD: "load_wall_s", FIT_COLD: "fit_cold_wall_s"}
_WALLS = {**_COLD, FIT: "fit_wall_s", PREDICT: "predict_wall_s"}


@dataclass(frozen=True)
class RidgeWork:
    """Learn from the rows of one file, predict those of another."""

    kind: ClassVar[str] = RIDGE
    rows: Path
    held_out: Path
    l2: float


@dataclass(frozen=True)
class KMeansWork:
    """Segment the rows of one file from given centres, and put the rows of another into the segments."""

    kind: ClassVar[str] = KMEANS
    rows: Path
    held_out: Path
    centres: Array = field(compare=False)  # (segments, columns)


Work = RidgeWork | KMeansWork


@dataclass(frozen=True)
class Measured:
    """A work on an engine: its cost by phase, and what came of it. A MB is 2²⁰ bytes."""

    engine: str
    work: str  # ridge or kmeans
    rows: int
    columns: int
    cores: int
    memory_limit_mb: int
    phases: Mapping[str, Phase]  # those that ended, of measured_work's
    peak_pss_mb: float  # of the whole process tree, at any time
    jvm_heap_max_mb: float | None
    failure: str | None  # why it did not end within the limits
    figures: Mapping[str, float] = field(default_factory=dict)  # rmse, or inertia, of the rows held out
    learned: Array | None = field(default=None, repr=False, compare=False)  # coefficients or centres
    predicted: Array | Labels | None = field(default=None, repr=False, compare=False)  # of the rows held out


def measure(engine: str, work: Work, *, cores: int, memory_limit_mb: int, warm_runs: int = 5) -> Measured:
    """Do a work in a process that may use so many cores and, with all its descendants, so many MB.

    Parameters
    ----------
    engine
        ``sklearn``, ``dask`` or ``spark``.
    warm_runs
        How often fitting, and then predicting, is repeated after the first time.

    Raises
    ------
    JobError
        If the process ended badly for another reason than the memory that it needed.
    SettingsError
        If this process may use fewer cores.
    """
    file = RowFile.of(work.rows)
    with TemporaryDirectory(prefix="measured-", dir=work.rows.parent) as folder:
        scratch = Path(folder)
        task = _task(engine, work, cores=cores, answer=scratch / "answer.npz", warm_runs=warm_runs)
        limits = limited_environment(engine, cores=cores, memory_limit_mb=memory_limit_mb, scratch=scratch)
        run = run_task(task, limits, memory_limit_mb=memory_limit_mb, scratch=scratch)
        failure = failure_of(run, task, memory_limit_mb=memory_limit_mb)
        result = {} if failure else _result(work, Path(task.answer))
    return Measured(
        engine=engine, work=work.kind, rows=sum(file.sizes), columns=file.columns,
        cores=cores, memory_limit_mb=memory_limit_mb, phases=phases_of(run),
        peak_pss_mb=max((sample.pss_mb for sample in run.samples), default=0.0),
        jvm_heap_max_mb=next((one["jvm_heap_max_mb"] for one in run.events if "jvm_heap_max_mb" in one), None),
        failure=failure, **result,
    )  # fmt: skip


def metrics(measured: Measured) -> dict[str, float]:
    """Name the figures that runs are compared by; a phase that was not reached has none.

    `fit_wall_s`, `fit_cpu_s` and `predict_wall_s` are medians of the warm runs, `fit_cold_wall_s` is the first fit, and
    `cold_total_wall_s` is all that a single fit needs: session, load and the first fit.
    """
    phases = measured.phases
    named = {name: phases[phase].wall_s for phase, name in _WALLS.items() if phase in phases}
    if FIT in phases:
        named["fit_cpu_s"] = phases[FIT].cpu_s
    if FIT_COLD in phases:
        named["cold_total_wall_s"] = sum(phases[phase].wall_s for phase in _COLD)
    if measured.jvm_heap_max_mb is not None:
        named["jvm_heap_max_mb"] = measured.jvm_heap_max_mb
    return {**named, "peak_pss_mb": measured.peak_pss_mb}


def measured_parity(measured: Sequence[Measured]) -> RegressionParity | SegmentParity:
    """Compare what engines learned while they were measured at one work; those that failed have no say.

    Raises
    ------
    ParityError
        If they did not solve the same problem.
    """
    done = [one for one in measured if one.failure is None]
    if all(one.work == RIDGE for one in done):
        errors = {one.engine: one.figures["rmse"] for one in done}
        return compare_regressions(errors, {one.engine: np.asarray(one.learned) for one in done})
    inertias = {one.engine: one.figures["inertia"] for one in done}
    return compare_segments(inertias, {one.engine: np.asarray(one.predicted) for one in done})


def _task(engine: str, work: Work, *, cores: int, answer: Path, warm_runs: int) -> Task:
    return Task(
        engine=engine,
        work=work.kind,
        rows=str(work.rows.resolve()),
        held_out=str(work.held_out.resolve()),
        answer=str(answer),
        cores=chosen_cores(cores),
        warm_runs=warm_runs,
        l2=work.l2 if isinstance(work, RidgeWork) else 0.0,
        centres=work.centres.tolist() if isinstance(work, KMeansWork) else None,
    )


def _result(work: Work, answer: Path) -> dict[str, Any]:
    """Read what was learned and predicted, and judge it by the rows held out, a group at a time."""
    with np.load(answer) as saved:
        learned, predicted = saved["learned"], saved["predicted"]
    file = RowFile.of(work.held_out)
    if isinstance(work, RidgeWork):
        target = np.concatenate([file.target(group) for group in range(len(file.sizes))])
        figures = {"rmse": rmse(target, predicted)}
    else:
        groups = enumerate(np.split(predicted, np.cumsum(file.sizes)[:-1]))
        figures = {"inertia": sum(inertia(file.features(group), learned, labels) for group, labels in groups)}
    return {"figures": figures, "learned": learned, "predicted": predicted}
