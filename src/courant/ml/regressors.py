"""A site's power as a question to MLlib: pipelines that encode, assemble, scale and regress, and their scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyspark.ml import Estimator, Pipeline
from pyspark.ml.evaluation import RegressionEvaluator
from pyspark.ml.feature import (
    OneHotEncoder,
    SQLTransformer,
    StandardScaler,
    StringIndexer,
    TargetEncoder,
    VectorAssembler,
)
from pyspark.ml.regression import GBTRegressor, LinearRegression, RandomForestRegressor
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from courant.domain.learning_columns import CATEGORIES, HABIT, NUMBERS, POWER
from courant.ml.challengers import SEED
from courant.ml.engines.spark import PREDICTION
from courant.ml.row_files import FEATURES

_MEAN, _USUAL, _COLD, _ASSEMBLED = "habit_mean", "usual_w", "usual_w_times_heating", "assembled"
# `1 *` drops the mark of a category, which Spark leaves on an encoded one: trees would take each value for a name.
_PRODUCTS = f"SELECT *, 1 * {_MEAN} AS {_USUAL}, {_MEAN} * heating_degrees AS {_COLD} FROM __THIS__"  # noqa: S608 - no input


def regressors(*, seed: int = SEED) -> dict[str, Estimator[Any]]:
    """Give the unfitted regressors by name: linear, a random forest, gradient-boosted trees.

    The linear one has a small penalty: a category's flags add up to 1, and without it MLlib's exact solver gives up.
    """
    return {
        "linear": LinearRegression(featuresCol=FEATURES, labelCol=POWER, solver="normal", regParam=0.01),
        "forest": RandomForestRegressor(featuresCol=FEATURES, labelCol=POWER, seed=seed),
        "boosting": GBTRegressor(featuresCol=FEATURES, labelCol=POWER, seed=seed),
    }


def regression_pipeline(regressor: Estimator[Any]) -> Pipeline:
    """Encode, assemble, scale and regress.

    Categories become flags. The habit becomes `usual_w`, its mean power in the rows that are learnt from, alone and
    times the degrees of heating: cold adds to each habit in its own measure. What was not there to learn from has a
    flag of its own, and the mean of all rows.
    """
    names = (*CATEGORIES, HABIT)
    indices = [f"{name}_index" for name in names]
    flags = [f"{name}_flags" for name in CATEGORIES]
    return Pipeline(
        stages=[
            StringIndexer(inputCols=list(names), outputCols=indices, handleInvalid="keep"),
            OneHotEncoder(inputCols=indices[:-1], outputCols=flags),
            TargetEncoder(
                inputCol=indices[-1],
                outputCol=_MEAN,
                labelCol=POWER,
                targetType="continuous",
                handleInvalid="keep",
            ),
            SQLTransformer(statement=_PRODUCTS),
            VectorAssembler(inputCols=[*flags, *NUMBERS, _USUAL, _COLD], outputCol=_ASSEMBLED),
            StandardScaler(inputCol=_ASSEMBLED, outputCol=FEATURES),
            regressor,
        ]
    )


def rmse_evaluator() -> RegressionEvaluator:
    """Give what a search chooses by: the root of the mean squared error, in W."""
    return RegressionEvaluator(labelCol=POWER, predictionCol=PREDICTION, metricName="rmse")


def with_usual_power(test: DataFrame, train: DataFrame) -> DataFrame:
    """Predict what every model must beat: the mean of the habit, whatever the region and the weather."""
    usual = train.groupBy(HABIT).agg(F.avg(POWER).alias(PREDICTION))
    return test.join(F.broadcast(usual), HABIT)


def regression_scores(predicted: DataFrame, *, by: Sequence[str] = ()) -> DataFrame:
    """Judge predictions, as `scores.scores` does with arrays.

    Returns
    -------
    DataFrame
        `by`, `rows`, `mean_w`, `rmse` and `mae` in W, and `r2`; the last is null where the target does not vary.
    """
    actual, error = F.col(POWER), F.col(PREDICTION) - F.col(POWER)
    spread = F.var_pop(actual)
    return predicted.groupBy(*by).agg(
        F.count("*").alias("rows"),
        F.avg(actual).alias("mean_w"),
        F.sqrt(F.avg(error * error)).alias("rmse"),
        F.avg(F.abs(error)).alias("mae"),
        (1 - F.avg(error * error) / F.when(spread > 0, spread)).alias("r2"),
    )
