"""One weather for all generated data: temperature by region, sunshine, wind and the length of the night."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np

from courant.domain.enedis.noise import Floats, smooth
from courant.domain.enedis.segments import REGIONS, Region

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COLDEST_DAY, _YEAR_DAYS = 22.0, 365.2425
_COUNTRY, _SUN, _WIND = 1, 2, 3  # streams of chance; a region's is its code


def days_since_epoch(day: date) -> int:
    """Give the number of a day since 1970; its noon is that number and a half."""
    return (day - _EPOCH.date()).days


def normal_temperature(when: Floats, *, mean_celsius: float) -> Floats:
    """Give the °C of a normal year at instants counted in days since 1970 (UTC)."""
    season = np.cos(2 * np.pi * (when - _COLDEST_DAY) / _YEAR_DAYS)
    afternoon = np.cos(2 * np.pi * (when - 14.5 / 24))
    return mean_celsius - 8.2 * season + 1.2 * afternoon


def temperature(when: Floats, region: Region, *, seed: int) -> Floats:
    """Give a region's °C at instants counted in days since 1970: normal, and spells shared by neighbours."""
    spells = 3.2 * smooth(when / 6.0, seed, _COUNTRY) + 1.6 * smooth(when / 2.0, seed, _COUNTRY, 1)
    local = 1.2 * smooth(when / 3.0, seed, int(region.code))
    return normal_temperature(when, mean_celsius=region.mean_celsius) + spells + local


def day_temperature(day: date, region: Region, *, seed: int) -> float:
    """Give the °C that heating answers to: the mean of a day's four quarters and the evening before."""
    when = days_since_epoch(day) + np.array([-0.15, 0.1, 0.35, 0.6, 0.85])
    return float(temperature(when, region, seed=seed).mean())


def country_temperature(when: Floats, *, seed: int) -> Floats:
    """Give the country's °C, weighing each region by its sites."""
    by_region = [region.share * temperature(when, region, seed=seed) for region in REGIONS]
    return np.asarray(np.sum(by_region, axis=0))


def country_normal_temperature(when: Floats) -> Floats:
    """Give the country's °C of a normal year, weighing each region by its sites."""
    mean = sum(region.share * region.mean_celsius for region in REGIONS)
    return normal_temperature(when, mean_celsius=mean)


def hours_of_daylight(when: Floats) -> Floats:
    """Give the hours between sunrise and sunset at the country's latitude: 8.3 to 15.7."""
    return 12.0 - 3.7 * np.cos(2 * np.pi * (when + 10.0) / _YEAR_DAYS)


def sun_height(when: Floats) -> Floats:
    """Give how high the sun stands, 0 at night to 1 at a midsummer noon (solar noon at 12 UTC)."""
    hours_from_noon = np.abs((when % 1.0) * 24.0 - 12.0)
    half_day = hours_of_daylight(when) / 2.0
    arc = np.cos(np.pi / 2 * np.minimum(hours_from_noon / half_day, 1.0))
    return arc * (0.3 + 0.7 * (half_day * 2.0 - 8.3) / 7.4)


def clearness(when: Floats, *, seed: int) -> Floats:
    """Give the share of the sunshine that clouds let through, 0.1 to 1."""
    return np.clip(0.6 + 0.4 * smooth(when / 1.5, seed, _SUN), 0.1, 1.0)


def wind(when: Floats, *, seed: int) -> Floats:
    """Give the wind farms' output as a share of its maximum, 0.02 to 1, stronger in winter."""
    season = 0.34 + 0.1 * np.cos(2 * np.pi * (when - _COLDEST_DAY) / _YEAR_DAYS)
    gusts = 0.5 * smooth(when / 1.7, seed, _WIND) + 0.2 * smooth(when / 0.4, seed, _WIND, 1)
    return np.clip(season * (1.0 + 1.4 * gusts), 0.02, 1.0)
