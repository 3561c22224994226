"""A small grid search by Spark's own CrossValidator, on blocks of whole days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pyspark.ml.evaluation import RegressionEvaluator
from pyspark.ml.tuning import CrossValidator
from pyspark.sql import Column
from pyspark.sql import functions as F

from courant.domain.feature_matrix import FeatureMatrix
from courant.ml.challengers import SparkTrees, as_given
from courant.ml.engines.spark import ROW, to_frame
from courant.ml.folds import block_numbers, grid_of
from courant.ml.forecasters import USUAL, centred
from courant.ml.row_files import TARGET

BLOCK = "block"


def search_on_spark(
    trees: SparkTrees, choices: Mapping[str, Sequence[float]], rows: FeatureMatrix, *, blocks: int = 3
) -> list[tuple[dict[str, float], float]]:
    """Try every combination, judged on each block after learning from the others.

    The others include later days: good enough to choose parameters by, never to report a forecast's accuracy. That is
    what `backtest` is for.

    Returns
    -------
    list
        The parameters and their RMSE in W, the best first.
    """
    train = rows.trainable()
    frame = to_frame(trees.spark, centred(train), train.target_w - train.column(USUAL))
    numbers = block_numbers(train, blocks=blocks)
    estimator = trees.unfitted()
    combinations = list(grid_of(choices))
    validator = CrossValidator(
        estimator=estimator,
        estimatorParamMaps=[
            {estimator.getParam(name): value for name, value in as_given(chosen).items()}
            for chosen in combinations
        ],
        evaluator=RegressionEvaluator(labelCol=TARGET, metricName="rmse"),
        numFolds=blocks,
        foldCol=BLOCK,
    )
    cached = frame.withColumn(BLOCK, _block_of(numbers)).cache()
    try:
        fitted = validator.fit(cached)
    finally:
        cached.unpersist()
    return sorted(zip(combinations, fitted.avgMetrics, strict=True), key=lambda one: one[1])


def _block_of(numbers: NDArray[np.int64]) -> Column:
    """Count the blocks that have begun before a row; rows are in the order of their days."""
    starts = np.flatnonzero(np.diff(numbers)) + 1
    begun = [(F.col(ROW) >= int(start)).cast("int") for start in starts]
    return sum(begun, start=F.lit(0))
