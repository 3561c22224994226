"""Load curves of days put into segments by MLlib: fewer dimensions, k-means for several k, what each segment means."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.clustering import KMeans, KMeansModel
from pyspark.ml.evaluation import ClusteringEvaluator
from pyspark.ml.feature import PCA, PCAModel, StandardScaler
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from courant.domain.learning_columns import DAY_TYPE, HALF_HOUR, SHAPE
from courant.ml.challengers import SEED
from courant.ml.row_files import FEATURES

SEGMENT = "segment"
_SCALED, _REDUCED = "scaled", "components"
_NIGHT = (*range(12), *range(44, 48))  # half hours from 22:00 to 06:00


@dataclass(frozen=True)
class Segmentation:
    """K-means with one number of segments."""

    segments: int
    silhouette: float  # -1 to 1: how much nearer days are to their own segment than to the next
    model: KMeansModel


def fit_components(curves: DataFrame, *, components: int) -> PipelineModel:
    """Bring each half hour to mean 0 and deviation 1, and find the directions in which days differ most.

    Parameters
    ----------
    curves
        With `features`, the vector of 48 half hours.
    """
    scaler = StandardScaler(withMean=True, withStd=True, inputCol=FEATURES, outputCol=_SCALED)
    reducer = PCA(k=components, inputCol=_SCALED, outputCol=_REDUCED)
    return Pipeline(stages=[scaler, reducer]).fit(curves)


def explained_variance(components: PipelineModel) -> list[float]:
    """Give the share of the days' differences that each component explains, the largest first."""
    reducer = components.stages[-1]
    assert isinstance(reducer, PCAModel)  # noqa: S101 - narrows the type
    return [float(share) for share in reducer.explainedVariance.toArray()]


def try_segments(reduced: DataFrame, choices: Iterable[int], *, seed: int = SEED) -> list[Segmentation]:
    """Fit k-means for each number of segments.

    Parameters
    ----------
    reduced
        Days as `fit_components`'s model transforms them.
    """
    evaluator = ClusteringEvaluator(featuresCol=_REDUCED, predictionCol=SEGMENT)
    tried = []
    for segments in choices:
        model = KMeans(k=segments, seed=seed, featuresCol=_REDUCED, predictionCol=SEGMENT).fit(reduced)
        tried.append(Segmentation(segments, evaluator.evaluate(model.transform(reduced)), model))
    return tried


def best_of(tried: Iterable[Segmentation]) -> Segmentation:
    """Choose the number of segments with the highest silhouette."""
    return max(tried, key=lambda one: one.silhouette)


def joined(components: PipelineModel, chosen: Segmentation) -> PipelineModel:
    """Put all steps into one model, from `features` to `segment`, as it is saved."""
    return PipelineModel(stages=[*components.stages, chosen.model])


def segment_shapes(assigned: DataFrame) -> DataFrame:
    """Average the shapes of each segment's days: `segment`, `half_hour` (0 to 47) and `share` of the day's mean."""
    points = assigned.select(SEGMENT, F.posexplode(SHAPE).alias(HALF_HOUR, "value"))
    return points.groupBy(SEGMENT, HALF_HOUR).agg(F.avg("value").alias("share"))


def describe_segments(assigned: DataFrame) -> DataFrame:
    """Say what each segment means.

    Parameters
    ----------
    assigned
        `segment`, `shape` (48 doubles, mean 1), `day_type`, `region_code` and `profil`; a row a day.

    Returns
    -------
    DataFrame
        `segment`, `days`, `series` (regions' profiles), `peak_hour` (0 to 23.5, of the mean shape), `night_share` (of
        the day's energy, 22:00 to 06:00; a flat day has 1/3), `rest_share` (of its days, those that are no working
        days) and `profiles`, the most frequent first.
    """
    is_rest = (F.col(DAY_TYPE) != "working_day").cast("int")
    members = assigned.groupBy(SEGMENT).agg(
        F.count("*").alias("days"),
        F.count_distinct("region_code", "profil").alias("series"),
        F.avg(is_rest).alias("rest_share"),
    )
    night = F.sum(F.when(F.col(HALF_HOUR).isin(*_NIGHT), F.col("share"))) / F.sum("share")
    of_shape = segment_shapes(assigned).groupBy(SEGMENT).agg(
        (F.max_by(HALF_HOUR, "share") / 2).alias("peak_hour"), night.alias("night_share")
    )  # fmt: skip
    meaning = members.join(of_shape, SEGMENT).join(_profiles(assigned), SEGMENT)
    return meaning.select(SEGMENT, "days", "series", "peak_hour", "night_share", "rest_share", "profiles")


def _profiles(assigned: DataFrame) -> DataFrame:
    """Give each segment's profiles in one text, the most frequent first."""
    counts = assigned.groupBy(SEGMENT, "profil").agg(F.count("*").alias("n"))
    ordered = F.array_sort(F.collect_list(F.struct((-F.col("n")).alias("least"), "profil")))
    return counts.groupBy(SEGMENT).agg(F.array_join(ordered["profil"], ", ").alias("profiles"))
