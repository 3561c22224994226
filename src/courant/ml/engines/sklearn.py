"""The models in scikit-learn: in memory, in this process."""

from __future__ import annotations

import sklearn
from sklearn.cluster import KMeans
from sklearn.linear_model import Ridge

from courant.ml.engines.interface import Array, Described, Labels


class SklearnRidge:
    """Ridge by a Cholesky decomposition of the normal equations: exact."""

    name = "sklearn"

    def __init__(self, *, l2: float) -> None:
        self.l2 = l2

    def penalty(self, y: Array) -> dict[str, float]:
        """Map the penalty: scikit-learn adds it to the sum of squares, not to half their mean."""
        return {"alpha": self.l2 * len(y)}

    def fit(self, x: Array, y: Array) -> None:
        """Solve the normal equations."""
        self._model = Ridge(fit_intercept=False, solver="cholesky", **self.penalty(y)).fit(x, y)

    def predict(self, x: Array) -> Array:
        """Multiply with the coefficients."""
        predicted: Array = self._model.predict(x)
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


class SklearnKMeans:
    """Lloyd's iterations until no row changes its segment."""

    name = "sklearn"

    def __init__(self, *, max_iterations: int = 300) -> None:
        self.max_iterations = max_iterations

    def fit(self, x: Array, centres: Array) -> None:
        """Start at the centres, once."""
        self._model = KMeans(
            n_clusters=len(centres), init=centres, n_init=1, max_iter=self.max_iterations, tol=0.0,
            algorithm="lloyd",
        ).fit(x)  # fmt: skip

    def predict(self, x: Array) -> Labels:
        """Find the nearest centre."""
        labels: Labels = self._model.predict(x).astype("int64")
        return labels

    def describe(self) -> Described:
        """Name the library and how many iterations there were."""
        return {"library": f"scikit-learn {sklearn.__version__}", "iterations": int(self._model.n_iter_)}

    @property
    def centres(self) -> Array:
        """(segments, columns) centres."""
        found: Array = self._model.cluster_centers_
        return found
