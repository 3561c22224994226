"""The models in Dask-ML: blocks of rows, by Dask's threads or by whatever cluster its client is connected to."""

from __future__ import annotations

import dask.array as da
import dask_ml
import numpy as np
from dask_ml.cluster import KMeans
from dask_ml.linear_model import LinearRegression

from courant.ml.engines.interface import Array, Described, Labels

BLOCK_ROWS = 16_384
_UNMOVED = (
    1e-12  # Lloyd's iterations end below this squared shift of all centres: nothing changed its segment
)


class DaskRidge:
    """Ridge by L-BFGS: each iteration is one pass over all blocks."""

    name = "dask"

    def __init__(self, *, l2: float, max_iterations: int = 5_000, tolerance: float = 1e-4) -> None:
        self.l2 = l2
        self.max_iterations = max_iterations
        self.tolerance = tolerance

    def penalty(self, y: Array) -> dict[str, float]:
        """Map the penalty: dask-glm adds |b|² / (2 C) to the sum of squares."""
        return {"C": 1.0 / (2.0 * self.l2 * len(y))}

    def fit(self, x: Array, y: Array) -> None:
        """Descend until the gradient's greatest part is below the tolerance, or the loss no longer falls."""
        self._model = LinearRegression(
            penalty="l2", solver="lbfgs", fit_intercept=False, max_iter=self.max_iterations, tol=self.tolerance,
            # dask-glm would scale the columns by itself, and so the penalty with them.
            solver_kwargs={"normalize": False}, **self.penalty(y),
        ).fit(_blocks(x), _blocks(y))  # fmt: skip

    def predict(self, x: Array) -> Array:
        """Multiply with the coefficients, block by block."""
        return np.asarray(self._model.predict(_blocks(x)).compute())

    def describe(self) -> Described:
        """Name the library, the solver and its penalty."""
        return {"library": f"dask-ml {dask_ml.__version__}", "solver": "lbfgs", "C": self._model.C}

    @property
    def coefficients(self) -> Array:
        """(columns,) weights."""
        return np.asarray(self._model.coef_)


class DaskKMeans:
    """Lloyd's iterations, each one pass over all blocks, until no row changes its segment."""

    name = "dask"

    def __init__(self, *, max_iterations: int = 300) -> None:
        self.max_iterations = max_iterations

    def fit(self, x: Array, centres: Array) -> None:
        """Start at the centres, once."""
        self._model = KMeans(
            n_clusters=len(centres), init=centres, max_iter=self.max_iterations, tol=_UNMOVED
        ).fit(_blocks(x))

    def predict(self, x: Array) -> Labels:
        """Find the nearest centre."""
        return np.asarray(self._model.predict(_blocks(x)).compute(), dtype=np.int64)

    def describe(self) -> Described:
        """Name the library and how many iterations there were."""
        return {"library": f"dask-ml {dask_ml.__version__}", "iterations": int(self._model.n_iter_)}

    @property
    def centres(self) -> Array:
        """(segments, columns) centres."""
        return np.asarray(self._model.cluster_centers_)


def _blocks(x: Array) -> da.Array:
    return da.from_array(x, chunks=(BLOCK_ROWS, *x.shape[1:]))
