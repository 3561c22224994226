"""Families and segments of days, from shapes that differ in what they are about.

night   1.5 from 22:00 to 06:00, 0.75 by day        mean 1
noon    1   but 2 at 12:00, and less beside it      mean 1
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from pyspark.ml import PipelineModel
from pyspark.ml.evaluation import MulticlassClassificationEvaluator
from pyspark.sql import DataFrame, SparkSession

from courant.ml.classifiers import (
    accuracy,
    class_scores,
    classifiers,
    confusion_matrix,
    fit_classifier,
    with_family,
    with_features,
)
from courant.ml.curve_segments import (
    best_of,
    describe_segments,
    explained_variance,
    fit_components,
    joined,
    segment_shapes,
    try_segments,
)

MONDAY, DAYS = date(2026, 1, 5), 14
NIGHT = np.array([1.5] * 12 + [0.75] * 32 + [1.5] * 4)
NOON = np.array([1.0] * 22 + [0.5, 0.5, 2.0, 1.0] + [1.0] * 22)
EVENING = np.roll(NOON, 14)  # its peak is at 19:00
SHAPES = {"RES2 (+ RES5)": NIGHT, "PRO1 (+ PRO1WE)": NOON, "ENT1 (+ ENT2)": EVENING}
SCHEMA = "region_code string, profil string, paris_day date, day_type string, shape array<double>"


@pytest.fixture(scope="module")
def days(spark: SparkSession) -> DataFrame:
    """Give two weeks of three profiles in two regions, each day a little different."""
    random = np.random.default_rng(7)
    rows = [
        (region, profile, day, "saturday" if day.weekday() == 5 else "working_day", blurred.tolist())
        for region in ("11", "53")
        for profile, shape in SHAPES.items()
        for day in (MONDAY + timedelta(days=k) for k in range(DAYS))
        for blurred in [shape + random.normal(scale=0.02, size=48)]
    ]
    frame = spark.createDataFrame(rows, SCHEMA)
    return frame.transform(with_family).transform(with_features).cache()


def test_the_family_is_what_a_profile_begins_with(days: DataFrame) -> None:
    assert {(row["profil"], row["family"]) for row in days.collect()} == {
        ("RES2 (+ RES5)", "RES"), ("PRO1 (+ PRO1WE)", "PRO"), ("ENT1 (+ ENT2)", "ENT"),
    }  # fmt: skip


# pyspark's OneVsRest leaves its pool of threads to the garbage collector.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <function Pool.__del__")
@pytest.mark.parametrize("name", ["tree", "forest", "boosting"])
def test_every_classifier_tells_days_of_another_region_apart(
    days: DataFrame, name: str, tmp_path: Path
) -> None:
    made = classifiers(trees=5, depth=3, rounds=2)[name]
    model = fit_classifier(made, days.where("region_code = '11'"))
    model.write().save((tmp_path / "model").as_uri())
    loaded = PipelineModel.load((tmp_path / "model").as_uri())

    matrix = confusion_matrix(loaded.transform(days.where("region_code = '53'")))

    assert matrix.index.tolist() == matrix.columns.tolist() == ["ENT", "PRO", "RES"]
    assert matrix.to_numpy().tolist() == [[14, 0, 0], [0, 14, 0], [0, 0, 14]]


def test_a_family_that_was_not_learnt_is_taken_for_another(days: DataFrame) -> None:
    model = fit_classifier(classifiers(depth=3)["tree"], days.where("family <> 'ENT'"))

    matrix = confusion_matrix(model.transform(days))

    assert matrix["ENT"].tolist() == [0, 0, 0]
    assert matrix.loc["ENT"].sum() == 28
    assert (matrix.loc["PRO", "PRO"], matrix.loc["RES", "RES"]) == (28, 28)


def test_our_scores_are_those_of_mllib(spark: SparkSession) -> None:
    rows = [("RES", "RES", 0.0, 0.0)] * 5 + [("RES", "PRO", 0.0, 1.0)] * 2 + [("PRO", "RES", 1.0, 0.0)]
    predicted = spark.createDataFrame(
        rows, "family string, predicted string, label double, prediction double"
    )
    matrix = confusion_matrix(predicted)

    assert matrix.loc["RES"].to_dict() == {"PRO": 2, "RES": 5}
    assert matrix.loc["PRO"].to_dict() == {"PRO": 0, "RES": 1}

    def mllib(metric: str) -> float:
        evaluator = MulticlassClassificationEvaluator(metricName=metric, metricLabel=0.0, labelCol="label")
        return evaluator.evaluate(predicted)

    res = class_scores(matrix).loc["RES"]
    assert res["precision"] == pytest.approx(mllib("precisionByLabel")) == pytest.approx(5 / 6)
    assert res["recall"] == pytest.approx(mllib("recallByLabel")) == pytest.approx(5 / 7)
    assert res["f1"] == pytest.approx(mllib("fMeasureByLabel"))
    assert accuracy(matrix) == pytest.approx(mllib("accuracy")) == pytest.approx(5 / 8)


def test_components_explain_what_differs_the_largest_first(days: DataFrame) -> None:
    shares = explained_variance(fit_components(days, components=3))

    assert shares == sorted(shares, reverse=True)
    assert sum(shares[:2]) > 0.5  # three shapes lie in a plane; the rest is the blur of 48 half hours
    assert shares[2] < 0.05


def test_the_number_of_segments_is_found_and_each_says_what_it_means(days: DataFrame, tmp_path: Path) -> None:
    components = fit_components(days, components=2)
    tried = try_segments(components.transform(days), [2, 3, 4])
    chosen = best_of(tried)
    assert [one.segments for one in tried] == [2, 3, 4]
    assert chosen.segments == 3
    assert 0.8 < chosen.silhouette <= 1

    model = joined(components, chosen)
    model.write().save((tmp_path / "model").as_uri())
    assigned = PipelineModel.load((tmp_path / "model").as_uri()).transform(days).cache()
    found = {row["profiles"]: row for row in describe_segments(assigned).collect()}

    assert set(found) == set(SHAPES)
    for row in found.values():
        assert (row["days"], row["series"]) == (2 * DAYS, 2)
        assert row["rest_share"] == pytest.approx(2 / 14)  # two Saturdays
    night, noon, evening = (found[profile] for profile in SHAPES)
    assert (noon["peak_hour"], evening["peak_hour"]) == (12.0, 19.0)
    assert night["night_share"] == pytest.approx(16 * 1.5 / 48, abs=0.005)
    assert noon["night_share"] == pytest.approx(16 / 48, abs=0.005)


def test_a_segments_shape_is_the_mean_of_its_days(spark: SparkSession) -> None:
    rows = [(0, [1.0, 3.0]), (0, [2.0, 0.0]), (1, [1.0, 1.0])]
    assigned = spark.createDataFrame(rows, "segment int, shape array<double>")

    found = {(row["segment"], row["half_hour"]): row["share"] for row in segment_shapes(assigned).collect()}

    assert found == {(0, 0): 1.5, (0, 1): 1.5, (1, 0): 1.0, (1, 1): 1.0}
