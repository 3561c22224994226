"""Daily load curves as rows to be segmented, and the centres that every engine starts at."""

from __future__ import annotations

import numpy as np

from courant.ml.engines.interface import Array


def to_shapes(curves: Array) -> Array:
    """Divide each day's curve by its mean, so that a segment is a shape and not a size.

    Parameters
    ----------
    curves
        (days, half hours) of power or energy. Days with a NaN, or without consumption, are left out.

    Returns
    -------
    numpy.ndarray
        (days that are left, half hours), each with mean 1.
    """
    whole = np.asarray(~np.isnan(curves).any(axis=1))
    kept = curves[whole]
    means = kept.mean(axis=1, keepdims=True)
    return np.asarray(kept[means[:, 0] > 0] / means[means[:, 0] > 0])


def first_centres(x: Array, *, segments: int, seed: int) -> Array:
    """Choose rows as initial centres, each with a chance that grows with its distance to those chosen (k-means++).

    Returns
    -------
    numpy.ndarray
        (segments, columns); the same for the same rows and seed, whichever engine starts at them.

    Raises
    ------
    ValueError
        If fewer different rows than segments are there.
    """
    random = np.random.default_rng(seed)
    chosen = [int(random.integers(len(x)))]
    distances = np.sum((x - x[chosen[0]]) ** 2, axis=1)
    while len(chosen) < segments:
        if not distances.sum() > 0:
            raise ValueError(f"{segments} segments were asked for, of {len(chosen)} different rows")
        chosen.append(int(random.choice(len(x), p=distances / distances.sum())))
        distances = np.minimum(distances, np.sum((x - x[chosen[-1]]) ** 2, axis=1))
    return x[chosen]
