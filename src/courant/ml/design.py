"""The matrix of a linear model: variables standardised, times harmonics of the day, standardised again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from courant.domain.feature_matrix import SLOT_HARMONICS, FeatureMatrix, by_slot
from courant.ml.engines.interface import Array

_ROUNDING = (
    1e-12  # a deviation that is smaller, beside the mean, is the rounding of a column that does not vary
)


@dataclass(frozen=True)
class Scale:
    """Mean and deviation of columns; what never varies becomes 0."""

    mean: Array
    deviation: Array

    @classmethod
    def of(cls, values: Array) -> Scale:
        """Measure the rows of training, without NaN."""
        mean, deviation = values.mean(axis=0), values.std(axis=0)
        return cls(mean, np.where(deviation > _ROUNDING * np.abs(mean), deviation, 0.0))

    @property
    def varies(self) -> NDArray[np.bool_]:
        """(columns,): whether there is anything to learn from it."""
        return np.asarray(self.deviation > 0)

    def apply(self, values: Array) -> Array:
        """Bring values to mean 0 and deviation 1."""
        return np.asarray((values - self.mean) * self.varies / np.where(self.varies, self.deviation, 1.0))

    def undo(self, values: Array) -> Array:
        """Bring values back to their unit."""
        return np.asarray(values * self.deviation + self.mean)


@dataclass(frozen=True)
class LinearDesign:
    """What standardises the rows of training and, with the same figures, those of a forecast.

    Centred before they are multiplied, a variable and its products say different things; centred again, they need no
    intercept. Columns that do not vary are left out: MLlib's exact solver gives up on them without a word.
    """

    harmonics: int
    variables: Scale
    products: Scale
    target: Scale

    @classmethod
    def of(cls, train: FeatureMatrix, *, harmonics: int = SLOT_HARMONICS) -> LinearDesign:
        """Measure the trainable rows."""
        variables = Scale.of(train.values)
        products = Scale.of(_products(train, variables, harmonics).values)
        return cls(harmonics, variables, products, Scale.of(train.target_w))

    def columns(self, rows: FeatureMatrix) -> tuple[str, ...]:
        """Name the columns of `x`."""
        nothing = rows.take(np.zeros(len(rows.slots), dtype=np.bool_))
        return tuple(compress(by_slot(nothing, harmonics=self.harmonics).columns, self.products.varies))

    def x(self, rows: FeatureMatrix) -> Array:
        """(rows, columns), standardised."""
        return self.products.apply(_products(rows, self.variables, self.harmonics).values)[
            :, self.products.varies
        ]

    def y(self, rows: FeatureMatrix) -> Array:
        """(rows,): the target, standardised."""
        return self.target.apply(rows.target_w)

    def power_w(self, y: Array) -> Array:
        """Give standardised values in W again."""
        return self.target.undo(y)


def _products(rows: FeatureMatrix, scale: Scale, harmonics: int) -> FeatureMatrix:
    return by_slot(replace(rows, values=scale.apply(rows.values)), harmonics=harmonics)
