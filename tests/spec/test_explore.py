"""Statistics by Spark, with every figure worked out by hand.

profil   load   sun
RES      1      10
RES      2      20
RES      3      null
PRO      10     null
PRO      null   40
"""

from __future__ import annotations

from decimal import Decimal

import pytest
from pyspark.sql import DataFrame, SparkSession

from courant.ml.explore import (
    explore_correlations,
    explore_histogram,
    explore_means,
    explore_missing,
    explore_numbers,
)

ROWS = [
    ("RES", Decimal(1), 10), ("RES", Decimal(2), 20), ("RES", Decimal(3), None), ("PRO", Decimal(10), None),
    ("PRO", None, 40),
]  # fmt: skip


@pytest.fixture(scope="module")
def frame(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame(ROWS, "profil string, load decimal(6,1), sun int")


def by_key(found: DataFrame, *keys: str) -> dict[object, dict[str, object]]:
    rows = [row.asDict() for row in found.collect()]
    return {tuple(row.pop(key) for key in keys) if len(keys) > 1 else row.pop(keys[0]): row for row in rows}


def test_missing_values_are_counted_for_columns_of_any_type(frame: DataFrame) -> None:
    assert by_key(explore_missing(frame, ["profil", "sun"]), "column") == {
        "profil": {"rows": 5, "missing": 0, "missing_share": 0.0},
        "sun": {"rows": 5, "missing": 2, "missing_share": 0.4},
    }


def test_missing_values_are_counted_by_group(frame: DataFrame) -> None:
    found = by_key(explore_missing(frame, ["load", "sun"], by=["profil"]), "profil", "column")

    assert {key: row["missing_share"] for key, row in found.items()} == {
        ("RES", "load"): 0.0, ("RES", "sun"): pytest.approx(1 / 3), ("PRO", "load"): 0.5, ("PRO", "sun"): 0.5,
    }  # fmt: skip


def test_numbers_are_summed_up_over_the_values_that_are_known(frame: DataFrame) -> None:
    found = by_key(explore_numbers(frame, ["load", "sun"]), "column")

    assert found["load"] == {
        "count": 4, "mean": 4.0, "deviation": pytest.approx((50 / 3) ** 0.5),  # 9 + 4 + 1 + 36
        "lowest": 1.0, "p05": 1.0, "p25": 1.0, "median": 2.0, "p75": 3.0, "p95": 10.0, "highest": 10.0,
    }  # fmt: skip
    assert (found["sun"]["count"], found["sun"]["median"], found["sun"]["highest"]) == (3, 20.0, 40.0)


def test_a_histogram_counts_what_lies_in_its_span(frame: DataFrame) -> None:
    found = by_key(explore_histogram(frame, "load", span=(1, 5), bins=2), "bin_start")

    assert found == {  # [1, 3) and [3, 5); 10 lies outside, null nowhere
        1.0: {"rows": 2, "row_share": pytest.approx(2 / 3)},
        3.0: {"rows": 1, "row_share": pytest.approx(1 / 3)},
    }


def test_a_histograms_shares_add_up_to_one_in_each_group(frame: DataFrame) -> None:
    found = by_key(
        explore_histogram(frame, "load", span=(0, 20), bins=2, by=["profil"]), "profil", "bin_start"
    )

    assert found == {
        ("RES", 0.0): {"rows": 3, "row_share": 1.0},
        ("PRO", 10.0): {"rows": 1, "row_share": 1.0},
    }


def test_correlations_use_the_rows_in_which_both_are_known(spark: SparkSession) -> None:
    rows = [(1.0, 2.0, 5.0, 1.0), (2.0, 4.0, 4.0, 1.0), (3.0, 6.0, None, 1.0), (4.0, 9.0, 1.0, 1.0)]
    frame = spark.createDataFrame(rows, "a double, b double, c double, flat double")

    found = explore_correlations(frame, ["a", "b", "c", "flat"])

    by_pair = {(row["first"], row["second"]): row["correlation"] for row in found.collect()}
    assert len(by_pair) == 16
    assert by_pair["a", "a"] == pytest.approx(1)
    assert by_pair["a", "b"] == by_pair["b", "a"] == pytest.approx(11.5 / (5 * 26.75) ** 0.5)
    # over 1, 2, 4 and 5, 4, 1: products of the distances from 7/3 and 10/3 sum to -19/3, squares to 14/3 and 26/3
    assert by_pair["a", "c"] == pytest.approx(-(19 / 3) / ((14 / 3) * (26 / 3)) ** 0.5)
    assert by_pair["a", "flat"] is None


def test_means_by_group_may_be_weighted(frame: DataFrame) -> None:
    plain = by_key(explore_means(frame, "load", by=["profil"]), "profil")
    weighted = by_key(
        explore_means(frame.where("sun IS NOT NULL"), "load", by=["profil"], weight="sun"), "profil"
    )

    assert plain == {
        "RES": {"rows": 3, "mean": 2.0, "deviation": 1.0},
        "PRO": {"rows": 1, "mean": 10.0, "deviation": None},
    }
    assert weighted["RES"]["mean"] == pytest.approx((1 * 10 + 2 * 20) / 30)
    assert "PRO" not in weighted  # its load is not known where its sun is
