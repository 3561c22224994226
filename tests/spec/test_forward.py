"""No model learns from what comes after it, nor from neighbours of what it is judged on.

days       0 1 2 3 4 5 6
blocks     0 0 0 1 1 2 2      learn from 0, judge 1; learn from 0 and 1, judge 2
"""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from pyspark.ml import Pipeline
from pyspark.ml.evaluation import RegressionEvaluator
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.regression import DecisionTreeRegressor
from pyspark.sql import DataFrame, SparkSession

from courant.errors import NotEnoughDataError
from courant.ml.forward import (
    ForwardValidator,
    sampled,
    search_forward,
    split_groups,
    split_last_days,
    with_blocks,
)

DAYS = [date(2026, 1, 5) + timedelta(days=k) for k in range(7)]


@pytest.fixture(scope="module")
def frame(spark: SparkSession) -> DataFrame:
    """Give two rows a day; y is 10 x, but -10 x on the last two days."""
    rows = [
        (day, region, float(x), (-10.0 if day >= DAYS[5] else 10.0) * x)
        for day in reversed(DAYS)
        for x, region in enumerate(("11", "53"))
    ]
    return spark.createDataFrame(rows, "paris_day date, region_code string, x double, y double")


def days_of(frame: DataFrame) -> list[date]:
    return sorted({row["paris_day"] for row in frame.collect()})


def test_blocks_are_whole_days_in_their_order(frame: DataFrame) -> None:
    found = {(row["paris_day"], row["block"]) for row in with_blocks(frame, 3).collect()}

    assert found == set(zip(DAYS, [0, 0, 0, 1, 1, 2, 2], strict=True))


def test_each_fold_learns_from_the_days_before_it(frame: DataFrame) -> None:
    validator = ForwardValidator(numFolds=2, foldCol="block")

    folds = validator._kFold(with_blocks(frame, 3))

    assert [(days_of(train), days_of(judged)) for train, judged in folds] == [
        (DAYS[:3], DAYS[3:5]),
        (DAYS[:5], DAYS[5:]),
    ]


# pyspark's CrossValidator leaves its pool of threads to the garbage collector.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <function Pool.__del__")
def test_a_search_is_judged_by_folds_that_go_forward(frame: DataFrame) -> None:
    tree = DecisionTreeRegressor(labelCol="y", featuresCol="features")
    pipeline = Pipeline(stages=[VectorAssembler(inputCols=["x"], outputCol="features"), tree])

    found = search_forward(
        pipeline, {"maxDepth": [0, 1]}, frame, evaluator=RegressionEvaluator(labelCol="y"), folds=2
    )

    assert [one.parameters for one in found.tried] == [{"maxDepth": 0}, {"maxDepth": 1}]
    # Depth 1 knows y = 10 x before the last block, and nothing there: errors 0, and 0 and 20.
    assert found.tried[1].metric == pytest.approx((0 + (20**2 / 2) ** 0.5) / 2)
    # Depth 0 says 5: it errs by 5 and 5, then by 5 and 15.
    assert found.tried[0].metric == pytest.approx((5 + ((5**2 + 15**2) / 2) ** 0.5) / 2)
    # The better one learns from all days: 10 on five of them, -10 on two.
    assert found.model.transform(frame).where("x = 1").first()["prediction"] == pytest.approx((50 - 20) / 7)


def test_the_last_days_are_judged_and_those_before_are_learnt(frame: DataFrame) -> None:
    split = split_last_days(frame, 2)

    assert (days_of(split.train), days_of(split.test)) == (DAYS[:5], DAYS[5:])
    assert split.train.count() + split.test.count() == 14


def test_held_out_groups_share_neither_day_nor_group_with_what_is_learnt(frame: DataFrame) -> None:
    split = split_groups(frame, "region_code", held_out=["53"], days=2)

    assert {(row["region_code"], row["paris_day"]) for row in split.train.collect()} == {
        ("11", day) for day in DAYS[:5]
    }
    assert {(row["region_code"], row["paris_day"]) for row in split.test.collect()} == {
        ("53", day) for day in DAYS[5:]
    }


def test_too_few_days_are_an_error_that_counts_them(frame: DataFrame) -> None:
    with pytest.raises(
        NotEnoughDataError, match=r"8 days are needed .* found 7 \(2026-01-05 to 2026-01-11\)"
    ):
        split_last_days(frame, 7)
    with pytest.raises(NotEnoughDataError, match="9 days are needed"):
        with_blocks(frame, 9)
    with pytest.raises(NotEnoughDataError, match=r"found 0 \(none\)"):
        split_last_days(frame.where("x > 5"), 1)


def test_a_sample_is_everything_where_no_more_is_there(spark: SparkSession) -> None:
    rows = spark.range(1_000)

    assert sampled(rows, rows=1_000, seed=7).count() == 1_000
    assert 60 < sampled(rows, rows=100, seed=7).count() < 140
    assert sampled(rows, rows=100, seed=7).collect() == sampled(rows, rows=100, seed=7).collect()
