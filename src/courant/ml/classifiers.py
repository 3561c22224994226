"""The family of a profile from the shape of its day: pipelines of MLlib, and what they confuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from pyspark.ml import Estimator, PipelineModel
from pyspark.ml.classification import (
    DecisionTreeClassifier,
    GBTClassifier,
    OneVsRest,
    RandomForestClassifier,
)
from pyspark.ml.feature import IndexToString, StringIndexer
from pyspark.ml.functions import array_to_vector
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from courant.domain.learning_columns import SHAPE
from courant.ml.challengers import SEED
from courant.ml.engines.interface import Array
from courant.ml.engines.spark import PREDICTION
from courant.ml.row_files import FEATURES

FAMILY, PREDICTED = "family", "predicted"
_LABEL = "label"


def classifiers(
    *, trees: int = 40, depth: int = 6, rounds: int = 20, parallelism: int = 2, seed: int = SEED
) -> dict[str, Estimator[Any]]:
    """Give the unfitted classifiers by name: a tree, a forest, and boosting.

    MLlib's boosting knows two classes, so there is one for each family, against the rest.

    Parameters
    ----------
    trees
        Of the forest.
    depth
        Of every tree but boosting's, which are shallow.
    rounds
        Trees that boosting adds up, for each family.
    parallelism
        How many families boosting fits at once.
    """
    boosting = GBTClassifier(featuresCol=FEATURES, maxIter=rounds, maxDepth=3, seed=seed)
    return {
        "tree": DecisionTreeClassifier(featuresCol=FEATURES, labelCol=_LABEL, maxDepth=depth, seed=seed),
        "forest": RandomForestClassifier(
            featuresCol=FEATURES, labelCol=_LABEL, numTrees=trees, maxDepth=depth, seed=seed
        ),
        "boosting": OneVsRest(
            featuresCol=FEATURES, labelCol=_LABEL, classifier=boosting, parallelism=parallelism
        ),
    }


def fit_classifier(classifier: Estimator[Any], train: DataFrame) -> PipelineModel:
    """Learn the families that the rows have.

    Returns
    -------
    PipelineModel
        From `features` to `predicted`, a family's name; it asks for no family, so it serves days of unknown ones.
    """
    indexer = StringIndexer(inputCol=FAMILY, outputCol=_LABEL, stringOrderType="alphabetAsc").fit(train)
    named = IndexToString(inputCol=PREDICTION, outputCol=PREDICTED, labels=indexer.labels)
    return PipelineModel(stages=[classifier.fit(indexer.transform(train)), named])


def with_family(curves: DataFrame) -> DataFrame:
    """Add `family`, the capital letters that `profil` begins with: RES, PRO or ENT."""
    return curves.withColumn(FAMILY, F.regexp_extract("profil", "^[A-Z]+", 0))


def with_features(curves: DataFrame) -> DataFrame:
    """Add `features`, the vector of `shape`, as MLlib wants it."""
    return curves.withColumn(FEATURES, array_to_vector(F.col(SHAPE)))


def confusion_matrix(predicted: DataFrame) -> pd.DataFrame:
    """Count days by what they are (rows) and what they were taken for (columns).

    Returns
    -------
    pandas.DataFrame
        Square, with each family that either has, in alphabetical order.
    """
    counts = predicted.groupBy(FAMILY, PREDICTED).agg(F.count("*").alias("days")).toPandas()
    families = sorted({*counts[FAMILY], *counts[PREDICTED]})
    wide = counts.pivot_table(index=FAMILY, columns=PREDICTED, values="days", fill_value=0)
    return wide.reindex(index=families, columns=families, fill_value=0).astype("int64")


def class_scores(matrix: pd.DataFrame) -> pd.DataFrame:
    """Judge each family of a confusion matrix.

    Returns
    -------
    pandas.DataFrame
        By family: `precision` (of the days that were taken for it, how many are), `recall` (of its days, how many were
        found), `f1` (their harmonic mean) and `days`. A share of nothing is 0.
    """
    counts = matrix.to_numpy(dtype=float)
    right, taken, there = np.diag(counts), counts.sum(axis=0), counts.sum(axis=1)
    scores = {
        "precision": _share(right, taken),
        "recall": _share(right, there),
        "f1": _share(2 * right, taken + there),
        "days": there.astype(int),
    }
    return pd.DataFrame(scores, index=matrix.index)


def accuracy(matrix: pd.DataFrame) -> float:
    """Give the share of days that were put into their family."""
    counts = matrix.to_numpy(dtype=float)
    return float(np.trace(counts) / counts.sum())


def majority_share(matrix: pd.DataFrame) -> float:
    """Give the accuracy of always saying the most frequent family: what every classifier must beat."""
    there = matrix.to_numpy(dtype=float).sum(axis=1)
    return float(there.max() / there.sum())


def _share(part: Array, whole: Array) -> Array:
    return np.asarray(np.divide(part, whole, out=np.zeros_like(part), where=whole > 0))
