"""The kinds of sites that Enedis publishes: regions, profiles, power ranges and sectors, verbatim.

The ranges of the PRO and ENT profiles and the profiles above 36 kVA are not confirmed by a
published source; those here have the documented form and give the documented 82 segments.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Region:
    """A served region: how much of the country's sites it has, and its climate."""

    code: str
    name: str  # as published: `Nouvelle Aquitaine` without a hyphen
    share: float  # of all sites; the shares add up to 1
    mean_celsius: float  # over a normal year


class Shape(StrEnum):
    """How a kind of site spreads its energy over a day and a year."""

    HOME = "home"
    HEATED_HOME = "heated_home"  # electric heating and water heated by night
    SHOP = "shop"
    STREET_LIGHT = "street_light"
    WORKS = "works"


@dataclass(frozen=True, slots=True)
class Segment:
    """One published kind of site in every region; a total is the sum of its `parts`."""

    profile: str
    power_range: str
    sector: str | None  # only above 36 kVA
    shape: Shape
    sites: int  # in the whole country
    mean_wh: float  # per site and half hour, over a normal year
    parts: tuple[int, ...] = ()  # positions of the segments that this one totals

    @property
    def is_total(self) -> bool:
        """Whether other segments are counted in this one."""
        return bool(self.parts)


@dataclass(frozen=True, slots=True)
class _LargeRange:
    label: str
    share: float = 0.0  # of a profile's sites in a sector
    mean_wh: float = 0.0
    parts: tuple[int, ...] = ()


REGIONS = (
    Region("11", "Île-de-France", 0.186, 12.6),
    Region("24", "Centre-Val de Loire", 0.043, 11.9),
    Region("27", "Bourgogne-Franche-Comté", 0.048, 11.2),
    Region("28", "Normandie", 0.055, 11.3),
    Region("32", "Hauts-de-France", 0.088, 11.0),
    Region("44", "Grand-Est", 0.084, 10.9),
    Region("52", "Pays de la Loire", 0.061, 12.5),
    Region("53", "Bretagne", 0.058, 12.1),
    Region("75", "Nouvelle Aquitaine", 0.103, 13.4),
    Region("76", "Occitanie", 0.101, 14.0),
    Region("84", "Auvergne-Rhône-Alpes", 0.096, 11.4),
    Region("93", "Provence-Alpes-Côte d'Azur", 0.077, 14.9),
)
REGION_CODES = tuple(region.code for region in REGIONS)

SMALL_TOTAL = "P0: Total <= 36 kVA"
_P1_3, _P1_6, _P1_9, _P1_12 = "P1: ]0-3] kVA", "P1: ]0-6] kVA", "P1: ]0-9] kVA", "P1 : ]0-12] kVA"
_P2, _P3, _P4, _P5 = "P2: ]3-6] kVA", "P3: ]6-9] kVA", "P4: ]9-12] kVA", "P5: ]12-15] kVA"
_P6, _P6_36 = "P6: ]15-18] kVA", "P6: ]15-36] kVA"
_P7, _P7_30, _P7_36 = "P7: ]18-24] kVA", "P7: ]18-30] kVA", "P7: ]18-36] kVA"
_P8, _P9 = "P8: ]24-30] kVA", "P9: ]30-36] kVA"
_FINE = (_P3, _P4, _P5, _P6, _P7, _P8, _P9)

# profile, shape, sites in the country, mean Wh per site and half hour, ranges from small to large
_SMALL: tuple[tuple[str, Shape, int, float, tuple[str, ...]], ...] = (
    ("RES1 (+ RES1WE)", Shape.HOME, 9_500_000, 110.0, (_P1_3, _P2)),
    ("RES11 (+ RES11WE)", Shape.HOME, 4_200_000, 240.0, _FINE),
    ("RES2 (+ RES5)", Shape.HEATED_HOME, 12_800_000, 300.0, (_P1_6, *_FINE)),
    ("RES2WE", Shape.HEATED_HOME, 310_000, 340.0, (_P1_6, _P3, _P4, _P5, _P6_36)),
    ("RES3", Shape.HEATED_HOME, 260_000, 420.0, (_P1_9, _P4, _P5, _P6, _P7_30, _P9)),
    ("RES4", Shape.HEATED_HOME, 95_000, 460.0, (_P1_9, _P4, _P5, _P6, _P7_36)),
    ("PRO1 (+ PRO1WE)", Shape.SHOP, 2_100_000, 260.0, (_P1_6, *_FINE)),
    ("PRO2 (+ PRO2WE + PRO6)", Shape.SHOP, 1_150_000, 560.0, (_P1_6, *_FINE)),
    ("PRO3", Shape.SHOP, 120_000, 900.0, (_P1_9, _P4, _P5, _P6, _P7_36)),
    ("PRO4", Shape.SHOP, 21_000, 1_000.0, (_P1_9, _P4, _P5, _P6, _P7_36)),
    ("PRO5", Shape.STREET_LIGHT, 340_000, 480.0, (_P1_9, _P4, _P5, _P6_36)),
    ("ENT1 (+ ENT2)", Shape.WORKS, 26_000, 1_700.0, (_P1_12, _P5, _P6_36)),
    ("ENT3 (+ ENT4 + ENT5)", Shape.WORKS, 5_200, 1_900.0, (_P1_12, _P5, _P6_36)),
)

_LARGE_RANGES = (
    _LargeRange("P1: ]36-120] kVA", share=0.58, mean_wh=6_500.0),
    _LargeRange("P2: ]120-250] kVA", share=0.24, mean_wh=19_000.0),
    _LargeRange("P3: Total ]36-250] kVA", parts=(0, 1)),
    _LargeRange("P4: ]250-1000] kVA", share=0.14, mean_wh=62_000.0),
    _LargeRange("P5: ]1000-2000] kVA", share=0.025, mean_wh=230_000.0),
    _LargeRange("P6: > 2000 kVA", share=0.015, mean_wh=900_000.0),
    _LargeRange("P7: Total > 250 kVA", parts=(3, 4, 5)),
)
_LARGE_PROFILES = (("ENT1 (+ ENT2)", 310_000), ("ENT3 (+ ENT4 + ENT5)", 84_000))
_SECTORS = (
    ("S1: Agriculture", Shape.SHOP, 0.06),
    ("S2: Industrie", Shape.WORKS, 0.24),
    ("S3: Tertiaire", Shape.SHOP, 0.61),
    ("S4: Non Affecté", Shape.WORKS, 0.09),
)


def small_segments() -> tuple[Segment, ...]:
    """Give the 82 segments of at most 36 kVA: 39 of homes, each profile's total first."""
    segments: list[Segment] = []
    for profile, shape, sites, mean_wh, ranges in _SMALL:
        first = len(segments) + 1
        parts = tuple(range(first, first + len(ranges)))
        segments.append(Segment(profile, SMALL_TOTAL, None, shape, 0, 0.0, parts))
        for place, power_range in enumerate(ranges):
            count, mean = _spread(sites, mean_wh, place, len(ranges))
            segments.append(Segment(profile, power_range, None, shape, count, mean))
    return tuple(segments)


def large_segments() -> tuple[Segment, ...]:
    """Give the 56 segments above 36 kVA: two profiles, four sectors, seven ranges of which two are totals."""
    segments: list[Segment] = []
    for profile, sites in _LARGE_PROFILES:
        for sector, shape, share in _SECTORS:
            segments.extend(_large_ranges(profile, sector, shape, sites * share, len(segments)))
    return tuple(segments)


def _large_ranges(profile: str, sector: str, shape: Shape, sites: float, offset: int) -> list[Segment]:
    return [
        Segment(
            *(profile, r.label, sector, shape, round(sites * r.share), r.mean_wh),
            parts=tuple(offset + place for place in r.parts),
        )
        for r in _LARGE_RANGES
    ]


def _spread(sites: int, mean_wh: float, place: int, count: int) -> tuple[int, float]:
    """Give the larger ranges fewer sites, each drawing more."""
    weights = [0.45**i for i in range(count)]
    means = [1.0 + 0.55 * i for i in range(count)]
    level = sum(w * m for w, m in zip(weights, means, strict=True)) / sum(weights)
    return round(sites * weights[place] / sum(weights)), mean_wh * means[place] / level
