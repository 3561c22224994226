"""Generated consumption, as Enedis publishes it: by half-hour slot, region and segment.

Two rules of the publication shape the numbers. Below 100 sites a curve is masked (index `S`, no
value); below 500 sites only the month's peak day, and below 5,000 only its peak week, is really
half-hourly: on other days the daily mean stands in every slot. Here the second rule applies to
segments that are not totals; a total is the sum of its parts as they are, masked ones included.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from courant.domain.calendar import PARIS, day_bounds_utc, instant_texts, paris_hours
from courant.domain.day_kinds import day_group
from courant.domain.enedis import shapes, weather
from courant.domain.enedis.noise import Floats, Whole, signed, uniform
from courant.domain.enedis.segments import REGIONS, Region, Segment, Shape

MASKED_BELOW_SITES = 100
PEAK_DAY_BELOW_SITES = 500
PEAK_WEEK_BELOW_SITES = 5_000
_SHAPES = tuple(Shape)
_SITES, _CURVE, _RATIO, _COVERED, _DAY, _SLOT = 11, 12, 13, 14, 15, 16  # streams of chance
_GROWTH_PER_MONTH, _GROWTH_FROM = 0.0008, date(2023, 1, 1)

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class _Kind:
    """The segments of one data set as arrays; the last axis of every array here is the segment."""

    segments: tuple[Segment, ...]
    shape: Whole  # position in _SHAPES
    mean_wh: Floats
    sites: Floats  # in the whole country; 0 for a total
    adds_up: Floats  # (segment, segment): 1 where the second is counted in the first; itself if no total


@dataclass(frozen=True)
class _Month:
    """What holds for a month, each by (region, segment), the last two by (day, region, segment)."""

    sites: Whole
    share_1: Floats  # of the sites in curve 1, weighted by sites for a total
    share_2: Floats
    ratio_1: Floats  # mean of curve 1 over the mean of both; not for totals
    ratio_2: Floats
    mean_wh: Floats  # of each day, per site
    is_peak_day: Flags
    is_peak_week: Flags


def consumption_days(
    segments: tuple[Segment, ...], *, start: date, days: int, regions: Sequence[str], seed: int
) -> Iterator[pl.DataFrame]:
    """Generate Paris days of consumption, one frame a day.

    A row depends on its slot, region, segment and the seed alone, whatever range is asked for.

    Yields
    ------
    polars.DataFrame
        Published API names in published order; by slot, region (in the order of `REGIONS`) and
        segment. Instants as text with the Paris offset, Wh as whole numbers, null where masked.

    Raises
    ------
    ValueError
        If a region's code is unknown.
    """
    kind = _kind(segments)
    chosen = _regions(regions)
    for offset in range(days):
        yield _day_frame(kind, start + timedelta(days=offset), chosen, seed)


def _regions(codes: Sequence[str]) -> tuple[Region, ...]:
    unknown = set(codes) - {region.code for region in REGIONS}
    if unknown:
        raise ValueError(f"unknown regions: {', '.join(sorted(unknown))}")
    return tuple(region for region in REGIONS if region.code in codes)


@lru_cache(maxsize=4)
def _kind(segments: tuple[Segment, ...]) -> _Kind:
    adds_up = np.eye(len(segments))
    for row, segment in enumerate(segments):
        if segment.is_total:
            adds_up[row] = 0.0
            adds_up[row, list(segment.parts)] = 1.0
    return _Kind(
        segments=segments,
        shape=np.array([_SHAPES.index(s.shape) for s in segments], dtype=np.int64),
        mean_wh=np.array([s.mean_wh for s in segments]),
        sites=np.array([float(s.sites) for s in segments]),
        adds_up=adds_up,
    )


def _sum_parts(kind: _Kind, values: Floats) -> Floats:
    """Put the sum of its parts in the place of each total."""
    return values @ kind.adds_up.T


@lru_cache(maxsize=16)
def _month(segments: tuple[Segment, ...], first: date, regions: tuple[Region, ...], seed: int) -> _Month:
    kind = _kind(segments)
    places = _places(regions, len(segments))
    parts = _sites(kind, first, regions, places, seed)
    sites = _sum_parts(kind, parts)
    share_1, share_2, ratio_1, ratio_2 = _curves(places, seed)
    energy = _sum_parts(kind, parts * _daily_means(kind, _month_days(first), regions, seed))
    return _Month(
        sites=sites.astype(np.int64),
        share_1=_sum_parts(kind, parts * share_1) / sites,
        share_2=_sum_parts(kind, parts * share_2) / sites,
        ratio_1=ratio_1,
        ratio_2=ratio_2,
        mean_wh=energy / sites,
        is_peak_day=energy == energy.max(axis=0),
        is_peak_week=_peak_week(energy, _month_days(first)),
    )


def _places(regions: tuple[Region, ...], segments: int) -> tuple[Whole, Whole]:
    """Give the (region, 1) and (1, segment) coordinates of chance."""
    codes = np.array([int(region.code) for region in regions], dtype=np.int64)
    return codes[:, None], np.arange(segments, dtype=np.int64)[None, :]


def _sites(
    kind: _Kind, first: date, regions: tuple[Region, ...], places: tuple[Whole, Whole], seed: int
) -> Floats:
    months = (first.year - _GROWTH_FROM.year) * 12 + first.month - _GROWTH_FROM.month
    shares = np.array([region.share for region in regions])[:, None]
    local = 1.0 + 0.15 * signed(seed, _SITES, *places)
    sites = kind.sites * shares * local * (1.0 + _GROWTH_PER_MONTH) ** months
    return np.where(kind.sites > 0, np.maximum(3.0, np.rint(sites)), 0.0)


def _curves(places: tuple[Whole, Whole], seed: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Split the sites in two curves: their shares, and each one's mean over the mean of both."""
    covered = 0.93 + 0.07 * uniform(seed, _COVERED, *places)
    chance = uniform(seed, _CURVE, *places)
    first = np.where(chance < 0.06, 0.994, 0.4 + 0.5 * chance)  # now and then curve 2 is nearly empty
    share_1, share_2 = covered * first, covered * (1.0 - first)
    ratio = 1.05 + 0.25 * signed(seed, _RATIO, *places)  # of curve 1 to curve 2
    ratio_2 = covered / (share_1 * ratio + share_2)
    return share_1, share_2, ratio * ratio_2, ratio_2


def _month_days(first: date) -> list[date]:
    following = (first.replace(day=28) + timedelta(days=4)).replace(day=1)
    return [first + timedelta(days=i) for i in range((following - first).days)]


def _daily_means(kind: _Kind, days: list[date], regions: tuple[Region, ...], seed: int) -> Floats:
    """Give each day's mean Wh per site and slot by (day, region, segment), before totals are made."""
    celsius = np.array([[weather.day_temperature(d, r, seed=seed) for r in regions] for d in days])
    level = np.stack([_levels(day, celsius[i]) for i, day in enumerate(days)])[:, :, kind.shape]
    numbers = np.array([weather.days_since_epoch(day) for day in days], dtype=np.int64)[:, None, None]
    codes, segments = _places(regions, len(kind.segments))
    return kind.mean_wh * level * (1.0 + 0.02 * signed(seed, _DAY, codes, segments, numbers))


def _levels(day: date, celsius: Floats) -> Floats:
    """Give the day's level by (region, shape)."""
    group, daylight = day_group(day), _daylight(day)
    return np.stack(
        [shapes.of_day(s, group=group, celsius=celsius, daylight_h=daylight) for s in _SHAPES], axis=-1
    )


def _daylight(day: date) -> float:
    return float(weather.hours_of_daylight(np.array(weather.days_since_epoch(day) + 0.5)))


def _peak_week(energy: Floats, days: list[date]) -> Flags:
    """Mark the days of the month's week (Monday to Sunday) of the highest daily mean."""
    weeks = np.array([day.isocalendar().week for day in days])
    means = np.stack([energy[weeks == week].mean(axis=0) for week in np.unique(weeks)])
    best = np.unique(weeks)[means.argmax(axis=0)]
    return np.asarray(weeks[:, None, None] == best)


def _day_frame(kind: _Kind, day: date, regions: tuple[Region, ...], seed: int) -> pl.DataFrame:
    month = _month(kind.segments, day.replace(day=1), regions, seed)
    values = _slot_means(kind, month, day, regions, seed)
    parts = np.where(kind.sites > 0, month.sites, 0)
    totals = _sum_parts(kind, np.rint(values * parts))
    weighted_1, weighted_2 = parts * month.share_1, parts * month.share_2
    curve_1 = _sum_parts(kind, values * month.ratio_1 * weighted_1) / _sum_parts(kind, weighted_1)
    curve_2 = _sum_parts(kind, values * month.ratio_2 * weighted_2) / _sum_parts(kind, weighted_2)
    return _to_frame(kind, regions, day, month, (totals, curve_1, curve_2, totals / month.sites))


def _slot_means(kind: _Kind, month: _Month, day: date, regions: tuple[Region, ...], seed: int) -> Floats:
    """Give the mean Wh per site by (slot, region, segment): half-hourly, or the day's mean for few sites."""
    epochs = _slot_seconds(day)
    hours, group, daylight = paris_hours(epochs) + 0.25, day_group(day), _daylight(day)
    curves = [shapes.within_day(s, group=group, local_hours=hours, daylight_h=daylight) for s in _SHAPES]
    shape = np.stack(curves, axis=-1)[:, None, kind.shape]
    codes, segments = _places(regions, len(kind.segments))
    chance = 1.0 + 0.015 * signed(seed, _SLOT, codes, segments, epochs[:, None, None] // 1800)
    values = month.mean_wh[day.day - 1] * shape * chance
    return np.asarray(np.where(_is_flat(month, day), values.mean(axis=0), values))


def _is_flat(month: _Month, day: date) -> Flags:
    peak_day, peak_week = month.is_peak_day[day.day - 1], month.is_peak_week[day.day - 1]
    few = (month.sites < PEAK_DAY_BELOW_SITES) & ~peak_day
    some = (month.sites < PEAK_WEEK_BELOW_SITES) & ~peak_week & ~peak_day
    return np.asarray(few | some)


def _to_frame(
    kind: _Kind,
    regions: tuple[Region, ...],
    day: date,
    month: _Month,
    energies: tuple[Floats, Floats, Floats, Floats],
) -> pl.DataFrame:
    """Lay out the energies (totals, curve 1, curve 2, both), each by (slot, region, segment)."""
    totals, *curves = energies
    slots = len(totals)
    per_slot = _names(kind.segments, regions).with_columns(_month_columns(month, day))
    shares = (month.share_1, month.share_2, month.share_1 + month.share_2)
    secret = [month.sites * share < MASKED_BELOW_SITES for share in shares[:2]]
    secret.append(month.sites < MASKED_BELOW_SITES)
    columns = {"horodate": _horodates(day, per_slot.height)}
    columns |= {name: _tiled(per_slot[name], slots) for name in per_slot.columns}
    columns["total_energie_soutiree_wh"] = _whole(totals, secret[2])
    for name, curve, share, hidden in zip(_CURVES, curves, shares, secret, strict=True):
        columns[f"courbe_moyenne_{name}_wh"] = _whole(curve, hidden)
        columns[f"indice_representativite_courbe_{name}"] = _tiled(_indices(share, hidden), slots)
    order = [name for name in _ORDER if name in columns]
    return pl.DataFrame({name: columns[name] for name in order})


_CURVES = ("ndeg1", "ndeg2", "ndeg1_ndeg2")
_ORDER = (
    *("horodate", "region", "code_region", "profil", "plage_de_puissance_souscrite", "secteur_activite"),
    *("nb_points_soutirage", "total_energie_soutiree_wh"),
    *(
        column
        for name in _CURVES
        for column in (f"courbe_moyenne_{name}_wh", f"indice_representativite_courbe_{name}")
    ),
    *("jour_max_du_mois_0_1", "semaine_max_du_mois_0_1"),
)


@lru_cache(maxsize=16)
def _names(segments: tuple[Segment, ...], regions: tuple[Region, ...]) -> pl.DataFrame:
    """Give the columns that are the same in every slot."""
    rows = [(r.name, r.code, s.profile, s.power_range, s.sector) for r in regions for s in segments]
    names = ("region", "code_region", "profil", "plage_de_puissance_souscrite", "secteur_activite")
    frame = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
    return frame if segments[0].sector else frame.drop("secteur_activite")


def _month_columns(month: _Month, day: date) -> list[pl.Series]:
    return [
        pl.Series("nb_points_soutirage", month.sites.ravel()),
        pl.Series("jour_max_du_mois_0_1", month.is_peak_day[day.day - 1].ravel().astype(np.int64)),
        pl.Series("semaine_max_du_mois_0_1", month.is_peak_week[day.day - 1].ravel().astype(np.int64)),
    ]


def _slot_seconds(day: date) -> Whole:
    """Give the starts of a day's half hours in seconds since 1970."""
    start, end = day_bounds_utc(day)
    return np.arange(int(start.timestamp()), int(end.timestamp()), 1800, dtype=np.int64)


def _horodates(day: date, rows_per_slot: int) -> pl.Series:
    texts = instant_texts(_slot_seconds(day), zone=PARIS.key)
    return texts.gather(np.repeat(np.arange(len(texts)), rows_per_slot))


def _tiled(values: pl.Series, times: int) -> pl.Series:
    return values.gather(np.tile(np.arange(len(values)), times))


def _whole(values: Floats, hidden: Flags) -> pl.Series:
    """Round to whole Wh, null where masked."""
    shown = np.broadcast_to(~hidden, values.shape).ravel()
    return pl.select(
        pl.when(pl.Series(shown)).then(pl.Series(np.rint(values).astype(np.int64).ravel()))
    ).to_series()


def _indices(share: Floats, hidden: Flags) -> pl.Series:
    """Write the share of the sites as Enedis does: a whole number of percent, `< 1`, or `S` for secret."""
    percent = np.floor(share.ravel() * 100 + 1e-9).astype(int)
    texts = ["S" if s else "< 1" if p < 1 else str(p) for p, s in zip(percent, hidden.ravel(), strict=True)]
    return pl.Series(texts, dtype=pl.String)
