"""The same ridge and the same k-means on three engines: measured one after another, in parity or not at all."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import numpy as np

from courant.batch.learning_data import LearningData
from courant.domain.feature_matrix import FeatureMatrix
from courant.ml.design import LinearDesign
from courant.ml.engines.interface import Array
from courant.ml.folds import FOLD_DAYS
from courant.ml.forecasters import ALPHA
from courant.ml.measure import KMeansWork, Measured, RidgeWork, Work, measure, measured_parity
from courant.ml.parity import RegressionParity, SegmentParity
from courant.ml.row_files import write_rows
from courant.ml.scores import scores
from courant.ml.segments import first_centres

log = logging.getLogger(__name__)

EngineName = Literal["sklearn", "dask", "spark"]
ENGINES: tuple[EngineName, ...] = ("sklearn", "dask", "spark")
SEGMENTS = 6
_SEED = 7


@dataclass(frozen=True, slots=True)
class ComparisonPlan:
    """What is measured: each engine at each work, for each number of copies of the rows and each number of cores."""

    engines: tuple[EngineName, ...] = ENGINES
    with_segments: bool = True  # k-means too, not the ridge alone
    scales: tuple[int, ...] = (1,)  # 1 is measured in any case: the day's engine is chosen by it
    cores: tuple[int, ...] = (1,)
    memory_mb: int = 2048
    warm_runs: int = 5


@dataclass(frozen=True)
class Comparison:
    """The engines at one work of one size, on so many cores; those that ended it are in parity."""

    dataset: str
    work: str  # ridge or kmeans
    scale: int
    cores: int
    measured: tuple[Measured, ...]
    scores: Mapping[str, Mapping[str, float]]  # by engine that ended, on the days held out
    parity: RegressionParity | SegmentParity | None  # None where no engine ended


@dataclass(frozen=True)
class _Prepared:
    """A work whose rows are written, and how its outcome is judged."""

    work: Work
    score: Callable[[Measured], Mapping[str, float]]


def compare_engines(
    plan: ComparisonPlan, linear: LearningData, segmented: LearningData, scratch: Path
) -> Iterator[Comparison]:
    """Measure, one size after another, the smallest first.

    Parameters
    ----------
    linear
        Its longest series is learnt by the ridge, but for the last days, which are predicted.
    segmented
        Its load curves are put into segments.
    scratch
        A folder for the rows that engines read; what is made in it is deleted.

    Raises
    ------
    ParityError
        If engines did not solve the same problem: then their times say nothing, and none is given.
    """
    rows, scales = linear.longest.rows("unknown").trainable(), sorted({1, *plan.scales})
    for scale in scales:
        with TemporaryDirectory(dir=scratch) as folder:
            yield from _compared(plan, linear.dataset, scale, _ridge(rows, scale, Path(folder)))
    for scale in scales if plan.with_segments else ():
        with TemporaryDirectory(dir=scratch) as folder:
            yield from _compared(
                plan, segmented.dataset, scale, _kmeans(segmented.all_shapes, scale, Path(folder))
            )


def _compared(plan: ComparisonPlan, dataset: str, scale: int, prepared: _Prepared) -> Iterator[Comparison]:
    work = prepared.work
    for cores in plan.cores:
        measured = tuple(_measured(plan, engine, work, cores) for engine in plan.engines)
        ended = [one for one in measured if one.failure is None]
        parity = measured_parity(ended) if ended else None
        scores = {one.engine: prepared.score(one) for one in ended}
        yield Comparison(dataset, work.kind, scale, cores, measured, scores, parity)


def _measured(plan: ComparisonPlan, engine: EngineName, work: Work, cores: int) -> Measured:
    log.info("measuring %s of %s, %s cores, %s MB", work.kind, engine, cores, plan.memory_mb)
    found = measure(engine, work, cores=cores, memory_limit_mb=plan.memory_mb, warm_runs=plan.warm_runs)
    if found.failure:
        log.warning("%s: %s", engine, found.failure)
    return found


def _ridge(rows: FeatureMatrix, scale: int, folder: Path) -> _Prepared:
    split = rows.days[-1] - np.timedelta64(FOLD_DAYS, "D")
    train, held_out = rows.take(np.asarray(rows.days <= split)), rows.take(np.asarray(rows.days > split))
    design, paths = LinearDesign.of(train), _paths(folder)
    write_rows(paths[0], design.x(train), design.y(train), copies=scale, seed=_SEED)
    write_rows(paths[1], design.x(held_out), design.y(held_out))

    def score(measured: Measured) -> Mapping[str, float]:
        return scores(held_out.target_w, design.power_w(np.asarray(measured.predicted)))

    return _Prepared(RidgeWork(*paths, l2=ALPHA / len(train.slots)), score)


def _kmeans(shapes: Array, scale: int, folder: Path) -> _Prepared:
    paths, segments = _paths(folder), min(SEGMENTS, len(np.unique(shapes, axis=0)))
    write_rows(paths[0], shapes, copies=scale)
    write_rows(paths[1], shapes)
    centres = first_centres(shapes, segments=segments, seed=_SEED)
    return _Prepared(KMeansWork(*paths, centres=centres), lambda measured: measured.figures)


def _paths(folder: Path) -> tuple[Path, Path]:
    return folder / "rows.parquet", folder / "held_out.parquet"
