"""The models in scikit-learn: in memory, in this process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sklearn
from sklearn.cluster import KMeans
from sklearn.linear_model import Ridge

from courant.ml.engines.interface import Array, Described, Labels
from courant.ml.row_files import RowFile


@dataclass(frozen=True)
class ArrayRows:
    """Rows as arrays."""

    x: Array  # (rows, columns)
    y: Array | None  # (rows,)


class _InMemory:
    """How scikit-learn's models get their rows."""

    name = "sklearn"

    def hold(self, x: Array, y: Array | None = None) -> ArrayRows:
        """Keep the arrays as they are."""
        return ArrayRows(x, y)

    def load(self, path: Path) -> ArrayRows:
        """Fill one array group by group, so that no second copy of all rows is ever there."""
        file = RowFile.of(path)
        groups, ends = range(len(file.sizes)), np.cumsum(file.sizes)
        x = np.empty((ends[-1], file.columns))
        for group in groups:
            x[ends[group] - file.sizes[group] : ends[group]] = file.features(group)
        return ArrayRows(
            x, np.concatenate([file.target(group) for group in groups]) if file.has_target else None
        )


class SklearnRidge(_InMemory):
    """Ridge by a Cholesky decomposition of the normal equations: exact."""

    def __init__(self, *, l2: float) -> None:
        self.l2 = l2

    def penalty(self, rows: ArrayRows) -> dict[str, float]:
        """Map the penalty: scikit-learn adds it to the sum of squares, not to half their mean."""
        return {"alpha": self.l2 * len(rows.x)}

    def fit(self, rows: ArrayRows) -> None:
        """Solve the normal equations."""
        self._model = Ridge(fit_intercept=False, solver="cholesky", **self.penalty(rows)).fit(rows.x, rows.y)

    def predict(self, rows: ArrayRows) -> Array:
        """Multiply with the coefficients."""
        predicted: Array = self._model.predict(rows.x)
        return predicted

    def describe(self) -> Described:
        """Name the library, the solver and its penalty."""
        return {
            "library": f"scikit-learn {sklearn.__version__}",
            "solver": "cholesky",
            "alpha": self._model.alpha,
        }

    @property
    def coefficients(self) -> Array:
        """(columns,) weights."""
        found: Array = self._model.coef_
        return found


class SklearnKMeans(_InMemory):
    """Lloyd's iterations until no row changes its segment."""

    def __init__(self, *, max_iterations: int = 300) -> None:
        self.max_iterations = max_iterations

    def fit(self, rows: ArrayRows, centres: Array) -> None:
        """Start at the centres, once."""
        self._model = KMeans(
            n_clusters=len(centres), init=centres, n_init=1, max_iter=self.max_iterations, tol=0.0,
            algorithm="lloyd",
        ).fit(rows.x)  # fmt: skip

    def predict(self, rows: ArrayRows) -> Labels:
        """Find the nearest centre."""
        labels: Labels = self._model.predict(rows.x).astype("int64")
        return labels

    def describe(self) -> Described:
        """Name the library and how many iterations there were."""
        return {"library": f"scikit-learn {sklearn.__version__}", "iterations": int(self._model.n_iter_)}

    @property
    def centres(self) -> Array:
        """(segments, columns) centres."""
        found: Array = self._model.cluster_centers_
        return found
