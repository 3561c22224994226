"""How each kind of site spreads its energy: over the hours of a day, the days of a week, the year."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from courant.domain.day_kinds import DayGroup
from courant.domain.enedis.noise import Floats
from courant.domain.enedis.segments import Shape

_HEATING_BELOW_CELSIUS = 15.0
_MEAN_HEATING_DEGREES = 4.6  # the country's normal year, so that a year's mean factor is about 1
_DARK_MARGIN_H = 0.5

Groups = NDArray[np.str_]  # of days, a slot each


@dataclass(frozen=True, slots=True)
class _Habits:
    working: tuple[float, ...]  # one number per Paris hour, around 1
    resting: tuple[float, ...]
    by_day_group: tuple[float, float, float]  # in the order of DayGroup
    heating: float  # growth per °C below the threshold

    def level(self, group: DayGroup) -> float:
        """Give the share of the year's mean on such days."""
        return self.by_day_group[tuple(DayGroup).index(group)]


# fmt: off
_HABITS = {
    Shape.HOME: _Habits(
        (0.85, 0.74, 0.67, 0.65, 0.64, 0.66, 0.74, 0.90, 0.95, 0.94, 0.94, 1.00,
         1.14, 1.10, 1.00, 0.95, 0.96, 1.06, 1.30, 1.47, 1.48, 1.36, 1.19, 1.02),
        (0.92, 0.80, 0.71, 0.66, 0.64, 0.64, 0.66, 0.76, 0.93, 1.06, 1.12, 1.20,
         1.30, 1.20, 1.06, 0.98, 0.97, 1.05, 1.24, 1.40, 1.40, 1.26, 1.11, 0.98),
        (0.98, 1.03, 1.07),
        0.062,
    ),
    Shape.HEATED_HOME: _Habits(
        (1.42, 1.36, 1.16, 1.02, 0.92, 0.88, 0.88, 0.92, 0.88, 0.82, 0.80, 0.84,
         1.00, 1.00, 0.90, 0.84, 0.84, 0.92, 1.10, 1.20, 1.18, 1.08, 1.10, 1.36),
        (1.44, 1.38, 1.18, 1.02, 0.92, 0.86, 0.84, 0.86, 0.90, 0.92, 0.92, 0.98,
         1.08, 1.04, 0.94, 0.86, 0.84, 0.90, 1.06, 1.16, 1.14, 1.04, 1.08, 1.34),
        (0.98, 1.03, 1.06),
        0.130,
    ),
    Shape.SHOP: _Habits(
        (0.56, 0.53, 0.51, 0.51, 0.53, 0.60, 0.74, 0.98, 1.26, 1.44, 1.48, 1.47,
         1.38, 1.36, 1.43, 1.43, 1.41, 1.37, 1.27, 1.09, 0.90, 0.75, 0.66, 0.60),
        (0.82, 0.79, 0.77, 0.77, 0.80, 0.86, 0.92, 1.00, 1.10, 1.18, 1.22, 1.22,
         1.18, 1.10, 1.08, 1.08, 1.08, 1.10, 1.12, 1.08, 1.00, 0.94, 0.90, 0.86),
        (1.10, 0.86, 0.66),
        0.046,
    ),
    Shape.WORKS: _Habits(
        (0.72, 0.70, 0.69, 0.69, 0.72, 0.80, 0.94, 1.12, 1.26, 1.32, 1.34, 1.31,
         1.22, 1.24, 1.28, 1.26, 1.21, 1.15, 1.07, 0.99, 0.91, 0.84, 0.79, 0.75),
        (0.94, 0.93, 0.92, 0.92, 0.93, 0.95, 0.98, 1.01, 1.04, 1.07, 1.09, 1.09,
         1.07, 1.05, 1.04, 1.03, 1.02, 1.02, 1.02, 1.01, 1.00, 0.98, 0.96, 0.95),
        (1.08, 0.84, 0.76),
        0.010,
    ),
    Shape.STREET_LIGHT: _Habits((1.0,) * 24, (1.0,) * 24, (1.0, 1.0, 1.0), 0.0),
}
# fmt: on


def within_day(shape: Shape, *, group: DayGroup, local_hours: Floats, daylight_h: float | Floats) -> Floats:
    """Give the share of the day's mean at Paris clock hours (0 to 24, slot centres); mean about 1."""
    if shape is Shape.STREET_LIGHT:
        return _night(local_hours, daylight_h)
    habits = _HABITS[shape]
    curve = np.array(habits.working if group is DayGroup.WORKING else habits.resting)
    centres = np.arange(-0.5, 25.0)
    around = np.concatenate([curve[-1:], curve, curve[:1]])
    return np.asarray(np.interp(local_hours, centres, around) / curve.mean())


def habit(shape: Shape, *, groups: Groups, local_hours: Floats, daylight_h: Floats) -> Floats:
    """Give a slot's share of the mean, before weather, in a series of slots of days of these groups."""
    shares = np.empty_like(local_hours)
    for group in DayGroup:
        chosen = groups == group
        hours, daylight = local_hours[chosen], daylight_h[chosen]
        level = _HABITS[shape].level(group)
        shares[chosen] = level * within_day(shape, group=group, local_hours=hours, daylight_h=daylight)
    return shares


def of_day(shape: Shape, *, group: DayGroup, celsius: Floats, daylight_h: float) -> Floats:
    """Give the share of a normal year's mean on days of these temperatures."""
    if shape is Shape.STREET_LIGHT:
        return np.full_like(celsius, (24.0 - daylight_h) / 12.0)
    habits = _HABITS[shape]
    return habits.level(group) * heating_factor(celsius, growth=habits.heating)


def heating_factor(celsius: Floats, *, growth: float) -> Floats:
    """Give what the cold adds, as a factor around 1 over a normal year."""
    degrees = np.maximum(0.0, _HEATING_BELOW_CELSIUS - celsius)
    return (1.0 + growth * degrees) / (1.0 + growth * _MEAN_HEATING_DEGREES)


def _night(local_hours: Floats, daylight_h: float | Floats) -> Floats:
    """Light from dusk to dawn, solar noon standing at 13 h by the clock."""
    dark = np.clip((np.abs(local_hours - 13.0) - daylight_h / 2.0) / _DARK_MARGIN_H + 0.5, 0.02, 1.0)
    return np.asarray(dark * 24.0 / (24.0 - daylight_h))
