"""One objective, three engines.

1/(2n) Σ (y - x·b)² + l2/2 |b|²    ==>    b = (x'x/n + l2)⁻¹ x'y/n    on every engine
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from pyspark.sql import SparkSession

from courant.errors import ParityError
from courant.ml.engines.dask import DaskKMeans, DaskRidge
from courant.ml.engines.interface import Array, LinearRegressor, Rows, Segmenter
from courant.ml.engines.sklearn import SklearnKMeans, SklearnRidge
from courant.ml.engines.spark import SparkKMeans, SparkRidge
from courant.ml.parity import inertia, regression_parity, segment_parity
from courant.ml.row_files import write_rows
from courant.ml.segments import first_centres, to_shapes

L2 = 0.05
ENGINES = ("sklearn", "dask", "spark")


@dataclass(frozen=True)
class Work:
    """Rows to learn from and rows to predict; standardised like the matrix of a forecast."""

    x: Array
    y: Array
    x_test: Array
    y_test: Array


@pytest.fixture(scope="module")
def work() -> Work:
    """Give 900 and 100 rows of 12 columns that lean on each other, as lags do."""
    random = np.random.default_rng(20260105)
    raw = random.normal(size=(1_000, 12)) + 1.5 * random.normal(size=(1_000, 1))
    y = raw @ np.linspace(-1, 2, 12) + random.normal(size=1_000)
    x, y = (raw - raw.mean(axis=0)) / raw.std(axis=0), (y - y.mean()) / y.std()
    return Work(x[:900], y[:900], x[900:], y[900:])


def ridges(spark: SparkSession) -> dict[str, LinearRegressor]:
    return {"sklearn": SklearnRidge(l2=L2), "dask": DaskRidge(l2=L2), "spark": SparkRidge(spark, l2=L2)}


def fitted(engines: Mapping[str, LinearRegressor], work: Work) -> list[LinearRegressor]:
    for engine in engines.values():
        engine.fit(engine.hold(work.x, work.y))
    return list(engines.values())


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("unit", [1.0, 250.0])
def test_a_ridge_solves_the_objective(spark: SparkSession, work: Work, name: str, unit: float) -> None:
    n, y = len(work.y), unit * work.y
    expected = np.linalg.solve(work.x.T @ work.x / n + L2 * np.eye(12), work.x.T @ y / n)

    engine = ridges(spark)[name]
    engine.fit(engine.hold(work.x, y))

    np.testing.assert_allclose(engine.coefficients, expected, rtol=1e-3, atol=1e-4 * unit)
    predicted = engine.predict(engine.hold(work.x_test))
    np.testing.assert_allclose(predicted, work.x_test @ engine.coefficients, rtol=1e-8)


def test_the_engines_reach_parity_on_rows_that_none_has_seen(spark: SparkSession, work: Work) -> None:
    found = regression_parity(fitted(ridges(spark), work), work.x_test, work.y_test)

    assert set(found.rmse) == set(ENGINES)
    assert found.rmse_spread < 0.0005
    assert found.coefficients_spread < 0.001


@pytest.mark.parametrize("name", ENGINES)
def test_rows_that_an_engine_reads_are_the_rows_that_it_is_given(
    spark: SparkSession, work: Work, name: str, tmp_path: Path
) -> None:
    write_rows(tmp_path / "train.parquet", work.x, 250 * work.y, group_rows=200)
    write_rows(tmp_path / "test.parquet", work.x_test, group_rows=30)
    given, reading = ridges(spark)[name], ridges(spark)[name]

    given.fit(given.hold(work.x, 250 * work.y))
    reading.fit(reading.load(tmp_path / "train.parquet"))

    np.testing.assert_allclose(reading.coefficients, given.coefficients, rtol=1e-4)
    predicted = reading.predict(reading.load(tmp_path / "test.parquet"))
    np.testing.assert_allclose(predicted, work.x_test @ reading.coefficients, rtol=1e-8)


@pytest.mark.parametrize("name", ENGINES)
def test_curves_that_an_engine_reads_are_segmented_in_their_order(
    spark: SparkSession, shapes: Array, name: str, tmp_path: Path
) -> None:
    write_rows(tmp_path / "shapes.parquet", shapes, group_rows=64)
    engine: Segmenter = {"sklearn": SklearnKMeans(), "dask": DaskKMeans(), "spark": SparkKMeans(spark)}[name]

    rows = engine.load(tmp_path / "shapes.parquet")
    engine.fit(rows, first_centres(shapes, segments=3, seed=7))

    labels = engine.predict(rows)
    assert [len(set(labels[start : start + 200])) for start in (0, 200, 400)] == [1, 1, 1]
    assert len(set(labels)) == 3


class SklearnOnTheMean(SklearnRidge):
    """Believes that scikit-learn adds its penalty to the mean."""

    def penalty(self, rows: Rows) -> dict[str, float]:  # noqa: ARG002 - that is the mistake
        return {"alpha": self.l2}


class DaskWithoutTheRoot(DaskRidge):
    """Forgets that the weight of a row is squared."""

    def penalty(self, rows: Rows) -> dict[str, float]:
        return {"weight": self.l2 * len(rows.x)}


class SparkOnTheSum(SparkRidge):
    """Believes that MLlib adds its penalty to the sum."""

    def penalty(self, rows: Rows) -> dict[str, float]:
        return {"regParam": self.l2 * rows.frame.count(), "elasticNetParam": 0.0}


class SparkAsLasso(SparkRidge):
    """Mistakes the mixing parameter."""

    def penalty(self, rows: Rows) -> dict[str, float]:
        return super().penalty(rows) | {"elasticNetParam": 1.0}


@pytest.mark.parametrize("wrong", [SklearnOnTheMean, DaskWithoutTheRoot, SparkOnTheSum, SparkAsLasso])
def test_a_wrong_mapping_of_the_penalty_is_no_parity(
    spark: SparkSession, work: Work, wrong: type[LinearRegressor]
) -> None:
    engines = ridges(spark)
    arguments = (spark,) if issubclass(wrong, SparkRidge) else ()
    engines[wrong.name] = wrong(*arguments, l2=L2)  # type: ignore[call-arg]

    with pytest.raises(ParityError, match=r"may differ by .* and differ by") as error:
        regression_parity(fitted(engines, work), work.x_test, work.y_test)
    assert error.value.exit_code == 31


@pytest.fixture(scope="module")
def shapes() -> Array:
    """Give 200 days each of an evening, a night and an office, with noise."""
    random, hours = np.random.default_rng(7), np.arange(48) / 2
    kinds = [1 + 0.6 * np.exp(-(((hours - peak) / width) ** 2)) for peak, width in ((19, 3), (3, 2), (12, 5))]
    return to_shapes(np.concatenate([kind + random.normal(scale=0.05, size=(200, 48)) for kind in kinds]))


def segmenters(spark: SparkSession, shapes: Array) -> list[Segmenter]:
    engines: list[Segmenter] = [SklearnKMeans(), DaskKMeans(), SparkKMeans(spark)]
    for engine in engines:
        engine.fit(engine.hold(shapes), first_centres(shapes, segments=3, seed=7))
    return engines


def test_the_engines_segment_curves_alike(spark: SparkSession, shapes: Array) -> None:
    engines = segmenters(spark, shapes)

    found = segment_parity(engines, shapes)

    assert found.inertia_spread < 1e-9
    assert found.assignments_spread == 0
    for engine in engines:
        labels = engine.predict(engine.hold(shapes))
        assert [len(set(labels[start : start + 200])) for start in (0, 200, 400)] == [1, 1, 1]
        assert len(set(labels)) == 3


def test_an_engine_that_was_stopped_early_is_no_parity(spark: SparkSession) -> None:
    blurred = np.abs(np.random.default_rng(7).normal(loc=1, size=(600, 8)))
    start = first_centres(blurred, segments=6, seed=7)
    engines: list[Segmenter] = [SklearnKMeans(), DaskKMeans(), SparkKMeans(spark, max_iterations=1)]
    for engine in engines:
        engine.fit(engine.hold(blurred), start)

    with pytest.raises(ParityError, match=r"inertia|assignments"):
        segment_parity(engines, blurred)


def test_every_engine_says_what_it_is(spark: SparkSession, work: Work) -> None:
    described = [engine.describe() for engine in fitted(ridges(spark), work)]

    assert [str(one["library"]).rsplit(" ", 1)[0] for one in described] == [
        "scikit-learn",
        "dask-ml",
        "Spark MLlib",
    ]
    assert described[0]["alpha"] == pytest.approx(L2 * 900)
    assert described[1]["weight"] == pytest.approx((L2 * 900) ** 0.5)
    assert described[2]["regParam"] == pytest.approx(L2 * work.y.std())


def test_inertia_is_the_sum_of_squared_distances() -> None:
    x, centres = np.array([[0.0, 0.0], [3.0, 4.0], [1.0, 0.0]]), np.array([[0.0, 0.0], [3.0, 3.0]])

    assert inertia(x, centres, np.array([0, 1, 0])) == 0 + 1 + 1
