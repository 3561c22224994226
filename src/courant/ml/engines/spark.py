"""The models in Spark MLlib: on the cores, or the cluster, of the session that is given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyspark import RDD
from pyspark.ml.functions import array_to_vector
from pyspark.ml.regression import LinearRegression, LinearRegressionModel
from pyspark.mllib.clustering import KMeans, KMeansModel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from courant.ml.engines.interface import Array, Described, Labels
from courant.ml.row_files import FEATURES, TARGET, to_lists

ROW, PREDICTION = "row", "prediction"
_UNMOVED = 1e-9  # a centre that moves less than this has converged


@dataclass(frozen=True)
class FrameRows:
    """Rows as a frame."""

    frame: DataFrame  # row (bigint, from 0), features (vector) and, where it is known, target (double)
    deviation: float  # of the target; NaN where it is not known


class _InFrames:
    """How MLlib's models get their rows."""

    name = "spark"

    def __init__(self, spark: SparkSession) -> None:
        self.spark = spark

    def hold(self, x: Array, y: Array | None = None) -> FrameRows:
        """Hand the arrays to Spark."""
        return FrameRows(to_frame(self.spark, x, y), float("nan") if y is None else float(np.std(y)))

    def load(self, path: Path) -> FrameRows:
        """Read the file into Spark's cache, as one does before an algorithm that passes over rows more than once.

        The target's deviation, which MLlib's penalty depends on, comes from the pass that fills the cache.
        """
        read = self.spark.read.parquet(str(path))
        row = F.col("_metadata.row_index").alias(ROW)
        features = array_to_vector(F.col(FEATURES)).alias(FEATURES)
        target = [F.col(TARGET)] if TARGET in read.columns else []
        frame = read.select(row, features, *target).cache()
        [(_, deviation)] = frame.agg(F.count(ROW), F.stddev_pop(*target or [F.lit(None)])).collect()
        return FrameRows(frame, float("nan") if deviation is None else deviation)


class SparkRidge(_InFrames):
    """Ridge by the normal equations, summed up over partitions: exact, for up to 4,096 columns."""

    def __init__(self, spark: SparkSession, *, l2: float) -> None:
        super().__init__(spark)
        self.l2 = l2

    def penalty(self, rows: FrameRows) -> dict[str, float]:
        """Map the penalty: MLlib divides it by the target's deviation."""
        return {"regParam": self.l2 * rows.deviation, "elasticNetParam": 0.0}

    def fit(self, rows: FrameRows) -> None:
        """Solve the normal equations; MLlib leaves the columns as they are."""
        estimator = LinearRegression(
            featuresCol=FEATURES, labelCol=TARGET, solver="normal", standardization=False, fitIntercept=False
        )
        parameters = {estimator.getParam(name): value for name, value in self.penalty(rows).items()}
        self._model: LinearRegressionModel = estimator.fit(rows.frame, parameters)

    def predict(self, rows: FrameRows) -> Array:
        """Transform the frame."""
        return predictions(self._model.transform(rows.frame))

    def describe(self) -> Described:
        """Name the library, the solver and its penalty."""
        parameter = self._model.getRegParam()
        return {"library": f"Spark MLlib {self.spark.version}", "solver": "normal", "regParam": parameter}

    @property
    def coefficients(self) -> Array:
        """(columns,) weights."""
        return np.asarray(self._model.coefficients.toArray())


class SparkKMeans(_InFrames):
    """Lloyd's iterations of the RDD interface: the newer one takes no initial centres."""

    def __init__(self, spark: SparkSession, *, max_iterations: int = 300) -> None:
        super().__init__(spark)
        self.max_iterations = max_iterations

    def fit(self, rows: FrameRows, centres: Array) -> None:
        """Start at the centres, once."""
        vectors = _numbered(rows).values().cache()
        self._model = KMeans.train(
            vectors, len(centres), maxIterations=self.max_iterations, epsilon=_UNMOVED,
            initialModel=KMeansModel(list(centres)),
        )  # fmt: skip
        vectors.unpersist()

    def predict(self, rows: FrameRows) -> Labels:
        """Find the nearest centre."""
        found = _numbered(rows).mapValues(self._model.predict).collect()
        return np.array([label for _, label in sorted(found)], dtype=np.int64)

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
    named = {ROW: pa.array(np.arange(len(x))), FEATURES: to_lists(x)}
    if y is not None:
        named[TARGET] = pa.array(y)
    return spark.createDataFrame(pa.table(named)).withColumn(FEATURES, array_to_vector(F.col(FEATURES)))


def predictions(frame: DataFrame) -> Array:
    """Collect a transformed frame's predictions in the order of its rows."""
    found = frame.select(ROW, PREDICTION).toArrow().sort_by(ROW)
    return np.asarray(found[PREDICTION].to_numpy())


def _numbered(rows: FrameRows) -> RDD[tuple[int, Array]]:
    return rows.frame.select(ROW, FEATURES).rdd.map(lambda row: (row[ROW], row[FEATURES].toArray()))
