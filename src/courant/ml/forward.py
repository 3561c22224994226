"""Splits of frames that no model can look through: forward in time by whole days, and by groups of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from pyspark.ml import Model, Pipeline
from pyspark.ml.evaluation import Evaluator
from pyspark.ml.tuning import CrossValidator, CrossValidatorModel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from courant.domain.learning_columns import DAY
from courant.errors import NotEnoughDataError
from courant.ml.challengers import as_given
from courant.ml.folds import grid_of

BLOCK = "block"


@dataclass(frozen=True)
class Split:
    """Rows to learn from, and rows to judge on."""

    train: DataFrame
    test: DataFrame


@dataclass(frozen=True)
class Tried:
    """One combination of parameters in a search."""

    parameters: Mapping[str, float]
    metric: float  # the mean over the folds, in the evaluator's unit


@dataclass(frozen=True)
class Found:
    """What a search gave."""

    model: Model  # with the best parameters, fitted on all rows
    tried: Sequence[Tried]  # in the order of the grid


class ForwardValidator(CrossValidator):
    """Spark's grid search on folds that go forward: each learns from the blocks of days before the one it is judged on.

    Spark's own folds learn from all other blocks, the later ones too.
    """

    def _kFold(self, dataset: DataFrame) -> list[tuple[DataFrame, DataFrame]]:  # noqa: N802 - Spark's name
        block, folds = F.col(self.getFoldCol()), self.getNumFolds()
        return [(dataset.where(block < k), dataset.where(block == k)) for k in range(1, folds + 1)]


def split_last_days(frame: DataFrame, days: int) -> Split:
    """Judge on the last days, learn from all before them.

    Raises
    ------
    NotEnoughDataError
        If no day is left to learn from.
    """
    known = _days_of(frame)
    if len(known) <= days:
        raise _too_few(known, days + 1)
    last = F.lit(known[-1] - timedelta(days=days))
    return Split(frame.where(F.col(DAY) <= last), frame.where(F.col(DAY) > last))


def split_groups(frame: DataFrame, column: str, *, held_out: Sequence[str], days: int) -> Split:
    """Judge on the last days of the groups that are held out, learn from the days before of all other groups.

    Neighbouring days are alike, and so are groups on the same day: a row that shares either with the other side
    belongs to neither.
    """
    split = split_last_days(frame, days)
    is_held_out = F.col(column).isin(list(held_out))
    return Split(split.train.where(~is_held_out), split.test.where(is_held_out))


def sampled(frame: DataFrame, *, rows: int, seed: int) -> DataFrame:
    """Keep about so many rows by chance; all of them where there are no more."""
    count = frame.count()
    return frame.sample(rows / count, seed) if count > rows else frame


def search_forward(  # noqa: PLR0913 - how Spark searches
    pipeline: Pipeline,
    choices: Mapping[str, Sequence[float]],
    train: DataFrame,
    *,
    evaluator: Evaluator,
    folds: int = 3,
    parallelism: int = 2,
) -> Found:
    """Try every combination of the last stage's parameters on folds that go forward in time.

    Parameters
    ----------
    choices
        By the name that MLlib gives the parameter.
    folds
        The days are cut into one block more; each but the first is judged once.
    parallelism
        How many models Spark fits at once.

    Raises
    ------
    NotEnoughDataError
        If there are fewer days than blocks.
    """
    last, combinations = pipeline.getStages()[-1], list(grid_of(choices))
    grid = [
        {last.getParam(name): value for name, value in as_given(chosen).items()} for chosen in combinations
    ]
    validator = ForwardValidator(
        estimator=pipeline, estimatorParamMaps=grid, evaluator=evaluator, numFolds=folds, foldCol=BLOCK,
        parallelism=parallelism,
    )  # fmt: skip
    fitted: CrossValidatorModel = validator.fit(train.transform(lambda rows: with_blocks(rows, folds + 1)))
    metrics = zip(combinations, fitted.avgMetrics, strict=True)
    return Found(fitted.bestModel, [Tried(chosen, metric) for chosen, metric in metrics])


def with_blocks(frame: DataFrame, blocks: int) -> DataFrame:
    """Add `block`: the frame's days, in their order, cut into blocks of nearly equal length, counted from 0.

    Raises
    ------
    NotEnoughDataError
        If there are fewer days than blocks.
    """
    known = _days_of(frame)
    if len(known) < blocks:
        raise _too_few(known, blocks)
    firsts = [part[0] for part in np.array_split(np.array(known, dtype=object), blocks)]
    begun = [(F.col(DAY) >= F.lit(first)).cast("int") for first in firsts[1:]]
    return frame.withColumn(BLOCK, sum(begun, start=F.lit(0)))


def _days_of(frame: DataFrame) -> list[date]:
    return sorted(row[DAY] for row in frame.select(DAY).distinct().collect())


def _too_few(known: Sequence[date], needed: int) -> NotEnoughDataError:
    span = f"{known[0]} to {known[-1]}" if known else "none"
    return NotEnoughDataError(
        f"{needed} days are needed to learn and to judge, found {len(known)} ({span})",
        remedy="take in more files, choose a longer span, or ask for fewer days or folds",
    )
