"""Trees that challenge the linear model: gradient boosting and a forest in Spark MLlib, boosting in scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import sklearn
from pyspark.ml.regression import GBTRegressor, RandomForestRegressor
from pyspark.sql import SparkSession
from sklearn.ensemble import HistGradientBoostingRegressor

from courant.ml.engines.interface import Array, Described
from courant.ml.engines.spark import predictions, to_frame
from courant.ml.row_files import FEATURES, TARGET

SEED = 7
Parameters = Mapping[str, float]  # by the name that a library gives them


class SklearnBoosting:
    """Boosting on histograms of the columns."""

    name = "sklearn_boosting"

    def __init__(self, **parameters: float) -> None:
        self.parameters = {"max_iter": 600, "learning_rate": 0.05, "max_leaf_nodes": 31} | parameters

    def fit(self, x: Array, y: Array) -> None:
        """Boost for all iterations; no rows are held back, since neighbours in time would tell on them."""
        self._model = HistGradientBoostingRegressor(
            random_state=SEED, early_stopping=False, l2_regularization=1.0, **as_given(self.parameters)
        ).fit(x, y)

    def predict(self, x: Array) -> Array:
        """Add up the trees."""
        predicted: Array = self._model.predict(x)
        return predicted

    def describe(self) -> Described:
        """Name the library and the parameters."""
        return {"library": f"scikit-learn {sklearn.__version__}", **self.parameters}


class SparkTrees:
    """What MLlib's two kinds of trees share."""

    name: str
    estimator: type[GBTRegressor | RandomForestRegressor]
    defaults: ClassVar[Parameters]

    def __init__(self, spark: SparkSession, **parameters: float) -> None:
        self.spark = spark
        self.parameters = {**self.defaults, **parameters}

    def fit(self, x: Array, y: Array) -> None:
        """Fit on all rows."""
        frame = to_frame(self.spark, x, y).cache()
        try:
            self.model = self.unfitted().fit(frame)
        finally:
            frame.unpersist()

    def unfitted(self) -> GBTRegressor | RandomForestRegressor:
        """Give the estimator with its parameters, as a search over folds wants it."""
        made = self.estimator(featuresCol=FEATURES, labelCol=TARGET, seed=SEED)
        return made.copy({made.getParam(name): value for name, value in as_given(self.parameters).items()})

    def predict(self, x: Array) -> Array:
        """Transform a frame of the rows."""
        return predictions(self.model.transform(to_frame(self.spark, x)))

    def describe(self) -> Described:
        """Name the library and the parameters."""
        return {"library": f"Spark MLlib {self.spark.version}", **self.parameters}


class SparkBoosting(SparkTrees):
    """Gradient-boosted trees, one after another."""

    name = "spark_boosting"
    estimator = GBTRegressor
    defaults: ClassVar[Parameters] = {"maxIter": 60, "maxDepth": 6, "stepSize": 0.1, "subsamplingRate": 0.7}


class SparkForest(SparkTrees):
    """A random forest: trees beside each other."""

    name = "spark_forest"
    estimator = RandomForestRegressor
    defaults: ClassVar[Parameters] = {"numTrees": 40, "maxDepth": 10, "subsamplingRate": 0.7}


def as_given(parameters: Parameters) -> dict[str, Any]:
    """Keep whole numbers whole: both libraries refuse a float where they count."""
    return {
        name: int(value) if float(value).is_integer() else float(value) for name, value in parameters.items()
    }
