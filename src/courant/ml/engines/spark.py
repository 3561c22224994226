"""The models in Spark MLlib: on the cores, or the cluster, of the session that is given."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from pyspark.ml.functions import array_to_vector
from pyspark.ml.regression import LinearRegression, LinearRegressionModel
from pyspark.mllib.clustering import KMeans, KMeansModel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from courant.ml.engines.interface import Array, Described, Labels

ROW, FEATURES, TARGET, PREDICTION = "row", "features", "target", "prediction"
_UNMOVED = 1e-9  # a centre that moves less than this has converged


class SparkRidge:
    """Ridge by the normal equations, summed up over partitions: exact, for up to 4,096 columns."""

    name = "spark"

    def __init__(self, spark: SparkSession, *, l2: float) -> None:
        self.spark = spark
        self.l2 = l2

    def penalty(self, y: Array) -> dict[str, float]:
        """Map the penalty: MLlib divides it by the target's deviation."""
        return {"regParam": self.l2 * float(np.std(y)), "elasticNetParam": 0.0}

    def fit(self, x: Array, y: Array) -> None:
        """Solve the normal equations; MLlib leaves the columns as they are."""
        estimator = LinearRegression(
            featuresCol=FEATURES, labelCol=TARGET, solver="normal", standardization=False, fitIntercept=False
        )
        parameters = {estimator.getParam(name): value for name, value in self.penalty(y).items()}
        self._model: LinearRegressionModel = estimator.fit(to_frame(self.spark, x, y), parameters)

    def predict(self, x: Array) -> Array:
        """Transform a frame of the rows."""
        return predictions(self._model.transform(to_frame(self.spark, x)))

    def describe(self) -> Described:
        """Name the library, the solver and its penalty."""
        parameter = self._model.getRegParam()
        return {"library": f"Spark MLlib {self.spark.version}", "solver": "normal", "regParam": parameter}

    @property
    def coefficients(self) -> Array:
        """(columns,) weights."""
        return np.asarray(self._model.coefficients.toArray())


class SparkKMeans:
    """Lloyd's iterations of the RDD interface: the newer one takes no initial centres."""

    name = "spark"

    def __init__(self, spark: SparkSession, *, max_iterations: int = 300) -> None:
        self.spark = spark
        self.max_iterations = max_iterations

    def fit(self, x: Array, centres: Array) -> None:
        """Start at the centres, once."""
        rows = self.spark.sparkContext.parallelize(list(x)).cache()
        start = KMeansModel(list(centres))
        self._model = KMeans.train(
            rows, len(centres), maxIterations=self.max_iterations, epsilon=_UNMOVED, initialModel=start
        )
        rows.unpersist()

    def predict(self, x: Array) -> Labels:
        """Find the nearest centre."""
        return np.array(
            self._model.predict(self.spark.sparkContext.parallelize(list(x))).collect(), dtype=np.int64
        )

    def describe(self) -> Described:
        """Name the library; it does not tell how many iterations there were."""
        return {"library": f"Spark MLlib {self.spark.version}", "max_iterations": self.max_iterations}

    @property
    def centres(self) -> Array:
        """(segments, columns) centres."""
        return np.array([np.asarray(centre) for centre in self._model.clusterCenters])


def to_frame(spark: SparkSession, x: Array, y: Array | None = None) -> DataFrame:
    """Hand rows to Spark through Arrow.

    Returns
    -------
    DataFrame
        `row` (bigint, from 0), `features` (vector) and, where `y` is given, `target` (double).
    """
    rows, columns = x.shape
    offsets = pa.array(np.arange(0, (rows + 1) * columns, columns, dtype=np.int32))
    named = {
        ROW: pa.array(np.arange(rows)),
        FEATURES: pa.ListArray.from_arrays(offsets, pa.array(np.ascontiguousarray(x).reshape(-1))),
    }
    if y is not None:
        named[TARGET] = pa.array(y)
    return spark.createDataFrame(pa.table(named)).withColumn(FEATURES, array_to_vector(F.col(FEATURES)))


def predictions(frame: DataFrame) -> Array:
    """Collect a transformed frame's predictions in the order of its rows."""
    found = frame.select(ROW, PREDICTION).toArrow().sort_by(ROW)
    return np.asarray(found[PREDICTION].to_numpy())
