"""A site's power: scores worked out by hand, and pipelines that find a rule which was put into the rows."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from courant.domain.learning_columns import CATEGORIES, NUMBERS
from courant.ml.regressors import regression_pipeline, regression_scores, regressors, with_usual_power

SCHEMA = "habit string, power_w double"


def test_scores_are_those_of_the_definition(spark: SparkSession) -> None:
    rows = [("a", 10.0, 12.0), ("a", 20.0, 16.0), ("b", 30.0, 30.0)]
    predicted = spark.createDataFrame(rows, "profil string, power_w double, prediction double")

    [whole] = regression_scores(predicted).collect()
    by_profile = {row["profil"]: row for row in regression_scores(predicted, by=["profil"]).collect()}

    assert (whole["rows"], whole["mean_w"]) == (3, 20.0)
    assert whole["rmse"] == pytest.approx((20 / 3) ** 0.5)  # 4 + 16 + 0
    assert whole["mae"] == pytest.approx(2)
    assert whole["r2"] == pytest.approx(1 - 20 / 200)  # around 20: 100 + 0 + 100
    assert by_profile["a"]["r2"] == pytest.approx(1 - 20 / 50)
    assert (by_profile["b"]["rmse"], by_profile["b"]["r2"]) == (0.0, None)  # it does not vary


def test_the_usual_power_is_the_mean_of_the_training_rows_alone(spark: SparkSession) -> None:
    train = [("RES3|working_day|0", 100.0), ("RES3|working_day|0", 300.0), ("RES4|working_day|0", 7.0)]
    test = [("RES3|working_day|0", 900.0), ("RES3|saturday|0", 900.0)]

    found = with_usual_power(
        spark.createDataFrame(test, SCHEMA), spark.createDataFrame(train, SCHEMA)
    ).collect()

    assert [(row["habit"], row["prediction"]) for row in found] == [("RES3|working_day|0", 200.0)]


@pytest.fixture(scope="module")
def rows(spark: SparkSession) -> DataFrame:
    """Give rows whose power is 100 W, 50 more for RES3, and 20 for each degree below 15 °C."""
    harmonics = [0.0] * 4
    made = [
        (
            f"{profile}|{half_hour}",
            region,
            profile,
            "working_day",
            half_hour,
            *harmonics,
            15.0 - degrees,
            float(degrees),
            power,
        )
        for region in ("11", "53")
        for profile in ("RES3", "PRO3")
        for half_hour in range(0, 48, 8)
        for degrees in range(10)
        for power in [100.0 + 50 * (profile == "RES3") + 20 * degrees]
    ]
    names = ("habit", *CATEGORIES, *NUMBERS, "power_w")
    kinds = [*["string"] * 4, "int", *["double"] * 7]
    return spark.createDataFrame(made, ", ".join(f"{n} {k}" for n, k in zip(names, kinds, strict=True)))


@pytest.mark.parametrize(("name", "within_w"), [("linear", 0.1), ("forest", 25.0), ("boosting", 10.0)])
def test_a_pipeline_learns_and_predicts_the_same_after_it_was_saved(
    rows: DataFrame, tmp_path: Path, name: str, within_w: float
) -> None:
    regressor = regressors()[name]
    quick = {"forest": {"numTrees": 5}, "boosting": {"maxIter": 4}}.get(name, {})
    pipeline = regression_pipeline(regressor.copy({regressor.getParam(k): v for k, v in quick.items()}))
    model = pipeline.fit(rows)

    model.write().save((tmp_path / "model").as_uri())
    loaded = PipelineModel.load((tmp_path / "model").as_uri())

    [scores] = regression_scores(loaded.transform(rows)).collect()
    assert scores["mae"] < within_w
    assert scores == regression_scores(model.transform(rows)).first()


def test_a_profile_that_was_not_learnt_is_predicted_without_an_error(rows: DataFrame) -> None:
    model = regression_pipeline(regressors()["linear"]).fit(rows)
    unknown = rows.limit(1).withColumns({"profil": F.lit("RES4"), "habit": F.lit("RES4|0")})

    [row] = model.transform(unknown).collect()

    assert row["profil"] == "RES4"
    assert 100 <= row["prediction"] <= 400
