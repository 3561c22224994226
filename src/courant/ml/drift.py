"""Whether the features of the last weeks come from where those of the same season and weekdays before came from.

Weather lasts for days, so that four weeks of it say less than 28 independent days would. Each test counts as many days
as its feature's memory leaves: `effective_days`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kstwo  # type: ignore[import-untyped]  # it has no stubs

from courant.domain.calendar import weekday
from courant.domain.day_kinds import is_ordinary
from courant.ml.engines.interface import Array

RECENT_DAYS, SEASON_DAYS = 28, 45  # the season: so many days to either side of the recent days' middle
# The significance is below the one alarm in twenty that is tolerated: p-values do not know that the season's fit errs.
SIGNIFICANCE, NOTABLE_PSI = 0.02, 0.2

_YEAR_DAYS = 365
_LEAST_RECENT, _LEAST_REFERENCE = 14, 60  # days with a value, else the feature is not compared
_ONE_VALUE_SHARE = 0.2  # of the reference's days
_PSI_BINS, _PSI_SMOOTHING = 5, 0.5  # 28 days fill no more bins; half a day in each keeps an empty one finite
_LONGEST_MEMORY_DAYS = 21
_DIGITS = 9  # of a feature's largest value; what is left of a constant below them is rounding

Days = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Feature:
    """One value a day, and what explains a part of it."""

    values: Array  # (days,), NaN where not known
    given: tuple[Array, ...] = ()  # (days,) each: their linear effect is taken out, as that of the season is


@dataclass(frozen=True, slots=True)
class FeatureDrift:
    """How a feature's recent days compare with its reference."""

    feature: str
    ks: float  # the largest distance of the two distribution functions, 0 to 1
    p_adjusted: float  # after Holm, over all features of the series
    psi: float

    @property
    def is_drift(self) -> bool:
        """Whether the difference is neither chance nor small."""
        return self.p_adjusted < SIGNIFICANCE and self.psi >= NOTABLE_PSI


def days_needed(recent_days: int = RECENT_DAYS) -> int:
    """Count the days back to the begin of the season a year before: a season is not judged by one half of it."""
    return recent_days // 2 + _YEAR_DAYS + SEASON_DAYS + 1


def find_drift(
    days: Sequence[date], features: Mapping[str, Feature], *, recent_days: int = RECENT_DAYS
) -> list[FeatureDrift]:
    """Compare each feature's last days with the days before them of the same season.

    Weekday, the course of the season and what is `given` are taken out by a linear fit to the reference, so that a
    Sunday is compared with Sundays. Holidays, bridges and the year's end are left out on both sides.

    Parameters
    ----------
    days
        Every day from the first to the last, of which the last `recent_days` are judged.

    Returns
    -------
    list of FeatureDrift
        In the features' order. Features with too few values are left out: all of them where the days are fewer than
        `days_needed`.
    """
    if len(days) < days_needed(recent_days):
        return []
    recent, reference, design = _sides(days, recent_days)
    compared = {name: _compare(feature, recent, reference, design) for name, feature in features.items()}
    found = {name: result for name, result in compared.items() if result is not None}
    adjusted = holm(np.array([p for _, p, _ in found.values()]))
    return [
        FeatureDrift(name, ks, float(p), psi)
        for (name, (ks, _, psi)), p in zip(found.items(), adjusted, strict=True)
    ]


def ks_statistic(recent: Array, reference: Array) -> float:
    """Give the largest distance of the empirical distribution functions."""
    at = np.concatenate([recent, reference])
    shares = [np.searchsorted(np.sort(side), at, side="right") / len(side) for side in (recent, reference)]
    return float(np.max(np.abs(shares[0] - shares[1])))


def psi(recent: Array, reference: Array) -> float:
    """Give the population stability index over the reference's quintiles.

    A reference that is one value for the most part has the bins below it, at it and above it.
    """
    edges = np.unique(np.quantile(reference, np.arange(1, _PSI_BINS) / _PSI_BINS))
    if len(edges) == 1:
        edges = np.array([np.nextafter(edges[0], -np.inf), edges[0]])
    recent_share, reference_share = (_shares(side, edges) for side in (recent, reference))
    return float(np.sum((recent_share - reference_share) * np.log(recent_share / reference_share)))


def holm(p: Array) -> Array:
    """Adjust p-values of many tests so that the chance of even one false alarm stays below the significance."""
    order = np.argsort(p)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return adjusted


def memory_days(values: Array) -> float:
    """Give the integrated autocorrelation time: how many days in a row say as much as one independent day.

    Parameters
    ----------
    values
        (days,) with mean 0; NaN on days that do not count.

    Returns
    -------
    float
        1 for independent or constant values. Summed up to the first autocorrelation that is not positive, and never
        below what the first one says of an AR(1) process.
    """
    variance = np.nanmean(values**2)
    if not variance > 0:
        return 1.0
    total, first = 1.0, 0.0
    for lag in range(1, _LONGEST_MEMORY_DAYS + 1):
        products = values[lag:] * values[:-lag]
        rho = float(np.nanmean(products) / variance) if not np.isnan(products).all() else 0.0
        if rho <= 0:
            break
        first = first or min(rho, 0.95)
        total += 2 * rho
    return max(total, (1 + first) / (1 - first))


def _sides(days: Sequence[date], recent_days: int) -> tuple[Days, Days, Array]:
    """Say which days are recent and which are the reference; give the columns of weekday and season."""
    middle = days[-1] - timedelta(days=recent_days // 2)
    offsets = np.array([_season_offset(day, middle) for day in days])
    ordinary = np.array([is_ordinary(day) for day in days])
    recent = np.arange(len(days)) >= len(days) - recent_days
    weekdays = np.array([weekday(day) for day in days])[:, None] == np.arange(1, 8)
    design = np.column_stack([weekdays.astype(np.float64), offsets / SEASON_DAYS])
    return recent & ordinary, ~recent & ordinary & (np.abs(offsets) <= SEASON_DAYS), design


def _season_offset(day: date, middle: date) -> int:
    """Count the days to the middle's nearest anniversary."""
    half = _YEAR_DAYS // 2
    return (day.timetuple().tm_yday - middle.timetuple().tm_yday + half) % _YEAR_DAYS - half


def _compare(
    feature: Feature, recent: Days, reference: Days, design: Array
) -> tuple[float, float, float] | None:
    """Give KS, its p-value and PSI; None where too few days have a value."""
    known = ~np.isnan(np.column_stack([feature.values, *feature.given])).any(axis=1)
    recent, reference = recent & known, reference & known
    if recent.sum() < _LEAST_RECENT or reference.sum() < _LEAST_REFERENCE:
        return None
    if _is_mostly_one_value(feature.values[reference]):
        rest = feature.values
    else:
        rest = _without(
            feature.values, np.column_stack([design, *feature.given]), recent | reference, reference
        )
    ks = ks_statistic(rest[recent], rest[reference])
    size = _effective_size(rest, recent, reference)
    return ks, float(kstwo.sf(ks, size)), psi(rest[recent], rest[reference])


def _is_mostly_one_value(values: Array) -> bool:
    """Tell a feature like cooling, which is 0 on most days of a season: a line fits neither these days nor the rest."""
    _, counts = np.unique(values, return_counts=True)
    return bool(counts.max() >= _ONE_VALUE_SHARE * len(values))


def _without(values: Array, design: Array, known: Days, reference: Days) -> Array:
    """Take out what the columns explain of the reference."""
    scale = float(np.max(np.abs(values[known]))) or 1.0
    fitted, *_ = np.linalg.lstsq(design[reference], values[reference] / scale, rcond=None)
    return np.asarray(np.round(values / scale - design @ fitted, _DIGITS))


def _effective_size(rest: Array, recent: Days, reference: Days) -> int:
    """Count the independent days of a test of two samples, at least one.

    The memory is the reference's, since recent days that are stuck would seem to have none; where the reference is
    constant, there is only theirs.
    """
    constant = not np.ptp(rest[reference])
    side = recent if constant else reference
    memory = memory_days(np.where(side, rest - rest[side].mean(), np.nan))
    sizes = np.sum(recent), np.sum(reference)
    return max(1, int(sizes[0] * sizes[1] / (sizes[0] + sizes[1]) / memory))


def _shares(values: Array, edges: Array) -> Array:
    counts = np.bincount(np.searchsorted(edges, values), minlength=len(edges) + 1) + _PSI_SMOOTHING
    return np.asarray(counts / counts.sum())
