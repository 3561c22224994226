"""Chance that depends on nothing but its arguments: the same seed and place give the same value.

A random generator would give a row another value when another range is generated; a hash of the
row's own coordinates does not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

_STRIDE = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def uniform(*coordinates: int | Whole) -> Floats:
    """Hash integer coordinates (broadcast against each other) to numbers in [0, 1), evenly spread."""
    with np.errstate(over="ignore"):
        state = np.zeros((), dtype=np.uint64)
        for coordinate in coordinates:
            state = _mix(state * _STRIDE + np.asarray(coordinate, dtype=np.int64).astype(np.uint64) + _STRIDE)
    return np.asarray((state >> np.uint64(11)).astype(np.float64) * 2.0**-53)


def signed(*coordinates: int | Whole) -> Floats:
    """Hash integer coordinates to numbers in [-1, 1), evenly spread."""
    return 2.0 * uniform(*coordinates) - 1.0


def smooth(when: Floats, *coordinates: int | Whole) -> Floats:
    """Give a curve over `when` through one random point in [-1, 1) at each whole number."""
    before = np.floor(when).astype(np.int64)
    part = when - before
    weight = part * part * (3.0 - 2.0 * part)
    return signed(*coordinates, before) * (1.0 - weight) + signed(*coordinates, before + 1) * weight


def _mix(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scramble 64 bits (the finisher of SplitMix64)."""
    state = (state ^ (state >> np.uint64(30))) * _MIX_1
    state = (state ^ (state >> np.uint64(27))) * _MIX_2
    return state ^ (state >> np.uint64(31))
