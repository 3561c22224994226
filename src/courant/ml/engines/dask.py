"""The models in Dask-ML: blocks of rows, by Dask's threads or by whatever cluster its client is connected to."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import dask
import dask.array as da
import dask_ml
import numpy as np
from dask_ml.cluster import KMeans
from dask_ml.linear_model import LinearRegression

from courant.ml.engines.interface import Array, Described, Labels
from courant.ml.row_files import RowFile

BLOCK_ROWS = 16_384
_UNMOVED = (
    1e-12  # Lloyd's iterations end below this squared shift of all centres: nothing changed its segment
)

_STILL = 1e-6  # a coefficient of standardised columns that moves less has converged


@dataclass(frozen=True)
class BlockRows:
    """Rows in blocks."""

    x: da.Array  # (rows, columns)
    y: da.Array | None  # (rows,)


class _InBlocks:
    """How Dask-ML's models get their rows."""

    name = "dask"

    def hold(self, x: Array, y: Array | None = None) -> BlockRows:
        """Cut the arrays into blocks."""
        return BlockRows(_cut(x), None if y is None else _cut(y))

    def load(self, path: Path) -> BlockRows:
        """Read a block from each group of the file.

        The blocks are persisted, as Dask-ML's manual asks before an iterative `fit`: else each iteration would read
        the file anew.
        """
        file = RowFile.of(path)
        x = _from_groups(file.features, [(rows, file.columns) for rows in file.sizes])
        y = _from_groups(file.target, [(rows,) for rows in file.sizes]) if file.has_target else None
        return BlockRows(*dask.persist(x, y))


class DaskRidge(_InBlocks):
    """Ridge by Newton's method, whose first step is exact for a sum of squares: the normal equations, over blocks.

    Dask-ML gives this solver no penalty, so the penalty stands in rows of its own. L-BFGS, which has one, passes over
    all rows some thousand times where columns depend on each other.
    """

    def __init__(self, *, l2: float) -> None:
        self.l2 = l2

    def penalty(self, rows: BlockRows) -> dict[str, float]:
        """Map the penalty: a row of this weight for each column adds l2 · n · b² to the sum of squares."""
        return {"weight": math.sqrt(self.l2 * len(rows.x))}

    def fit(self, rows: BlockRows) -> None:
        """Step until the coefficients stand still."""
        [self._weight] = self.penalty(rows).values()
        columns = rows.x.shape[1]
        x = da.concatenate([rows.x, da.from_array(self._weight * np.eye(columns))])
        y = da.concatenate([rows.y, da.zeros(columns)])
        self._model = LinearRegression(solver="newton", fit_intercept=False, tol=_STILL).fit(x, y)

    def predict(self, rows: BlockRows) -> Array:
        """Multiply with the coefficients, block by block."""
        return np.asarray(self._model.predict(rows.x).compute())

    def describe(self) -> Described:
        """Name the library, the solver and its penalty."""
        return {"library": f"dask-ml {dask_ml.__version__}", "solver": "newton", "weight": self._weight}

    @property
    def coefficients(self) -> Array:
        """(columns,) weights."""
        return np.asarray(self._model.coef_)


class DaskKMeans(_InBlocks):
    """Lloyd's iterations, each one pass over all blocks, until no row changes its segment."""

    def __init__(self, *, max_iterations: int = 300) -> None:
        self.max_iterations = max_iterations

    def fit(self, rows: BlockRows, centres: Array) -> None:
        """Start at the centres, once."""
        self._model = KMeans(
            n_clusters=len(centres), init=centres, max_iter=self.max_iterations, tol=_UNMOVED
        ).fit(rows.x)

    def predict(self, rows: BlockRows) -> Labels:
        """Find the nearest centre."""
        return np.asarray(self._model.predict(rows.x).compute(), dtype=np.int64)

    def describe(self) -> Described:
        """Name the library and how many iterations there were."""
        return {"library": f"dask-ml {dask_ml.__version__}", "iterations": int(self._model.n_iter_)}

    @property
    def centres(self) -> Array:
        """(segments, columns) centres."""
        return np.asarray(self._model.cluster_centers_)


def _cut(x: Array) -> da.Array:
    return da.from_array(x, chunks=(BLOCK_ROWS, *x.shape[1:]))


def _from_groups(read: Callable[[int], Array], shapes: list[tuple[int, ...]]) -> da.Array:
    """Promise an array whose blocks `read` gives by their number."""
    lazily = dask.delayed(read)
    blocks = [da.from_delayed(lazily(group), shape, dtype=float) for group, shape in enumerate(shapes)]
    return da.concatenate(blocks)
