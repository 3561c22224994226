"""Fitted forecasters in a folder each, and back: linear ones as their numbers, trees as their library keeps them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import joblib
import numpy as np
from pyspark.ml.regression import GBTRegressionModel, RandomForestRegressionModel
from pyspark.sql import SparkSession

from courant.domain.feature_matrix import FeatureMatrix
from courant.ml.challengers import SklearnBoosting, SparkBoosting, SparkForest, SparkTrees
from courant.ml.design import LinearDesign, Scale
from courant.ml.engines.interface import Array, Described
from courant.ml.forecasters import Forecaster, LinearForecaster, SeasonalNaive, TreeForecaster

_ABOUT = "forecaster.json"
_NUMBERS, _SKLEARN, _SPARK = "numbers.npz", "model.joblib", "model.spark"
_SPARK_MODELS = {
    SparkBoosting.name: (SparkBoosting, GBTRegressionModel),
    SparkForest.name: (SparkForest, RandomForestRegressionModel),
}


@dataclass(frozen=True)
class SavedLinear:
    """A fitted linear forecaster without the engine that fitted it."""

    name: str
    design: LinearDesign
    coefficients: Array
    described: Described

    def fit(self, train: FeatureMatrix) -> None:  # noqa: ARG002 - a forecaster's signature
        """Refuse: what was saved stays as it was."""
        raise TypeError(f"{self.name} was loaded to forecast; make a new forecaster to fit one")

    def forecast_w(self, rows: FeatureMatrix) -> Array:
        """Multiply with the coefficients, and give W."""
        return self.design.power_w(self.design.x(rows) @ self.coefficients)

    def describe(self) -> Described:
        """Say what the engine said."""
        return self.described


def save(forecaster: Forecaster, folder: Path) -> None:
    """Write a fitted forecaster into a folder of its own.

    Raises
    ------
    TypeError
        If it is of a kind that nobody taught this function.
    """
    folder.mkdir(parents=True)
    about = {"name": forecaster.name, "described": dict(forecaster.describe())}
    match forecaster:
        case SeasonalNaive():
            pass
        case LinearForecaster():
            numbers = _flat(forecaster.design) | {"coefficients": forecaster.engine.coefficients}
            np.savez(folder / _NUMBERS, allow_pickle=False, **numbers)
        case TreeForecaster(regressor=SklearnBoosting() as regressor):
            joblib.dump(regressor, folder / _SKLEARN)
        case TreeForecaster(regressor=SparkTrees() as regressor):
            regressor.model.write().save((folder / _SPARK).absolute().as_uri())
        case _:
            raise TypeError(f"a {type(forecaster).__name__} cannot be saved")
    (folder / _ABOUT).write_text(json.dumps(about), encoding="utf-8")


def load(folder: Path) -> Forecaster:
    """Read a forecaster that `save` wrote; trees of MLlib start a session of Spark if there is none."""
    about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
    name, described = about["name"], about["described"]
    if (folder / _NUMBERS).exists():
        with np.load(folder / _NUMBERS) as numbers:
            return SavedLinear(name, _design(numbers), numbers["coefficients"], described)
    if (folder / _SKLEARN).exists():
        return TreeForecaster(joblib.load(folder / _SKLEARN))
    if (folder / _SPARK).exists():
        kind, model = _SPARK_MODELS[name]
        parameters = {key: value for key, value in described.items() if key != "library"}
        trees = kind(SparkSession.builder.getOrCreate(), **parameters)
        trees.model = model.load(  # type: ignore[attr-defined] # its stub lacks it
            (folder / _SPARK).absolute().as_uri()
        )
        return TreeForecaster(trees)
    return SeasonalNaive(days=int(described["days"]))


def _flat(design: LinearDesign) -> dict[str, Array]:
    scales = {"variables": design.variables, "products": design.products, "target": design.target}
    parts = {
        f"{name}_{part}": values for name, scale in scales.items() for part, values in asdict(scale).items()
    }
    return parts | {"harmonics": np.array(design.harmonics)}


def _design(numbers: np.lib.npyio.NpzFile) -> LinearDesign:
    scales = [
        Scale(numbers[f"{name}_mean"], numbers[f"{name}_deviation"])
        for name in ("variables", "products", "target")
    ]
    return LinearDesign(int(numbers["harmonics"]), *scales)
