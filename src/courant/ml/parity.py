"""Whether the engines did the same work: only then may their times be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from courant.errors import ParityError
from courant.ml.engines.interface import Array, Labels, LinearRegressor, Segmenter
from courant.ml.scores import rmse

RMSE_TOLERANCE = 0.005  # of the lowest
COEFFICIENTS_TOLERANCE = 0.01  # length of the difference, of the length of the reference
INERTIA_TOLERANCE = 0.005  # of the lowest
ASSIGNMENTS_TOLERANCE = 0.005  # share of rows that another engine puts elsewhere


@dataclass(frozen=True)
class RegressionParity:
    """How far engines that were fitted on the same rows differ."""

    rmse: Mapping[str, float]  # by engine, in the target's unit
    rmse_spread: float  # (highest - lowest) / lowest
    coefficients_spread: float  # of the two engines that differ most


@dataclass(frozen=True)
class SegmentParity:
    """How far engines that started at the same centres differ."""

    inertia: Mapping[str, float]  # by engine: sum of squared distances to the segments' centres
    inertia_spread: float  # (highest - lowest) / lowest
    assignments_spread: float  # of the two engines that differ most


def regression_parity(engines: Sequence[LinearRegressor], x: Array, y: Array) -> RegressionParity:
    """Compare fitted engines on rows that none of them was fitted on.

    Raises
    ------
    ParityError
        If the RMSE or the coefficients differ by more than the tolerance: one of them solved another problem.
    """
    errors = {engine.name: rmse(y, engine.predict(engine.hold(x))) for engine in engines}
    return compare_regressions(errors, {engine.name: engine.coefficients for engine in engines})


def compare_regressions(errors: Mapping[str, float], weights: Mapping[str, Array]) -> RegressionParity:
    """Compare each engine's RMSE and (columns,) coefficients, wherever it was fitted.

    Raises
    ------
    ParityError
        As `regression_parity`.
    """
    apart = (_apart(weights[one], weights[other]) for one, other in combinations(weights, 2))
    found = RegressionParity(errors, _spread(errors), max(apart, default=0.0))
    _require("RMSE", found.rmse_spread, RMSE_TOLERANCE, errors)
    _require("coefficients", found.coefficients_spread, COEFFICIENTS_TOLERANCE, errors)
    return found


def segment_parity(engines: Sequence[Segmenter], x: Array) -> SegmentParity:
    """Compare fitted engines on the rows that they were fitted on.

    Raises
    ------
    ParityError
        If inertia or assignments differ by more than the tolerance.
    """
    labels = {engine.name: engine.predict(engine.hold(x)) for engine in engines}
    return compare_segments(
        {engine.name: inertia(x, engine.centres, labels[engine.name]) for engine in engines}, labels
    )


def compare_segments(inertias: Mapping[str, float], labels: Mapping[str, Labels]) -> SegmentParity:
    """Compare each engine's inertia and its segment of each row, wherever it was fitted.

    Raises
    ------
    ParityError
        As `segment_parity`.
    """
    apart = (float(np.mean(labels[one] != labels[other])) for one, other in combinations(labels, 2))
    found = SegmentParity(inertias, _spread(inertias), max(apart, default=0.0))
    _require("inertia", found.inertia_spread, INERTIA_TOLERANCE, inertias)
    _require("assignments", found.assignments_spread, ASSIGNMENTS_TOLERANCE, inertias)
    return found


def inertia(x: Array, centres: Array, labels: Labels) -> float:
    """Sum up the squared distances of rows to the centres of their segments."""
    return float(np.sum((x - centres[labels]) ** 2))


def _apart(one: Array, other: Array) -> float:
    longest = max(np.linalg.norm(one), np.linalg.norm(other))
    return float(np.linalg.norm(one - other) / longest) if longest else 0.0


def _spread(values: Mapping[str, float]) -> float:
    lowest, highest = min(values.values()), max(values.values())
    return (highest - lowest) / lowest if lowest else float(highest > 0)


def _require(what: str, spread: float, tolerance: float, by_engine: Mapping[str, float]) -> None:
    if not spread <= tolerance:  # a NaN is no parity either
        figures = ", ".join(f"{name} {value:.6g}" for name, value in by_engine.items())
        raise ParityError(
            f"The engines' {what} may differ by {tolerance:.1%} and differ by {spread:.2%} ({figures})",
            remedy="compare how each engine in ml/engines maps its parameters to the objective in interface.py",
        )
