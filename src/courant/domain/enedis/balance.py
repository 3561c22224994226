"""Generated national balance: mean power in W per slot, with both published identities exact.

injection_rte − soutirage_rte − soutirage_vers_autres_grd + production_totale − pertes =
consommation_totale, which is the sum of its eight parts. Magnitudes follow the published 2023.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from courant.domain.calendar import day_bounds_utc, instant_texts, paris_hours
from courant.domain.day_kinds import day_group
from courant.domain.enedis import shapes, weather
from courant.domain.enedis.noise import Floats, signed, smooth
from courant.domain.enedis.segments import Shape

QUARTER_HOURS_FROM = datetime(
    2024, 10, 4, 22, 0, tzinfo=UTC
)  # the published step changed from 30 to 15 minutes
_DAYS_PER_BLOCK = 92
_SLOT, _SLOW = 31, 32  # streams of chance

Watts = NDArray[np.int64]

# part, mean W over a normal year, who draws it, growth per °C of cold
_PARTS: tuple[tuple[str, float, Shape, float], ...] = (
    ("consommation_telerelevee_hta", 11.6e9, Shape.WORKS, 0.008),
    ("consommation_telerelevee_btsup", 4.8e9, Shape.SHOP, 0.040),
    ("consommation_telerelevee_professionnelle", 3.7e6, Shape.STREET_LIGHT, 0.0),
    ("consommation_telerelevee_residentielle", 2.3e8, Shape.HEATED_HOME, 0.120),
    ("consommation_profilee_ent_hta", 4.7e6, Shape.WORKS, 0.030),
    ("consommation_profilee_ent_bt", 2.0e7, Shape.WORKS, 0.060),
    ("consommation_profilee_pro", 4.15e9, Shape.SHOP, 0.055),
    ("consommation_profilee_res", 15.6e9, Shape.HEATED_HOME, 0.140),
)
BALANCE_COLUMNS = (
    *("horodate", "injection_rte", "soutirage_rte", "soutirage_vers_autres_grd", "pertes"),
    *("consommation_totale", "consommation_hta", *(name for name, *_ in _PARTS)),
    *("production_totale", "production_telerelevee", "production_profilee", "production_photovoltaique"),
    *("production_eolien", "production_cogeneration", "production_autre"),
    *("production_profilee_photovoltaique", "production_profilee_cogeneration"),
    *("production_profilee_hydraulique", "production_profilee_aut"),
    *("temperature_reelle_lissee", "temperature_normale_lissee", "pseudo_rayonnement"),
)


def balance_blocks(*, start: date, days: int, seed: int) -> Iterator[pl.DataFrame]:
    """Generate Paris days of the balance, a block of whole days at a time.

    A row depends on its slot and the seed alone, whatever range is asked for. Steps are half hours
    until 2024-10-04T22:00Z and quarter hours from then on.

    Yields
    ------
    polars.DataFrame
        `BALANCE_COLUMNS`, by slot: instants as text in UTC, power as whole W, °C to one decimal.
    """
    for offset in range(0, days, _DAYS_PER_BLOCK):
        count = min(_DAYS_PER_BLOCK, days - offset)
        yield _block([start + timedelta(days=offset + i) for i in range(count)], seed)


def _block(days: list[date], seed: int) -> pl.DataFrame:
    epochs = np.concatenate([_slot_seconds(day) for day in days])
    groups = np.concatenate([np.full(len(_slot_seconds(day)), day_group(day)) for day in days])
    when = epochs / 86_400
    consumption = _consumption(groups, epochs, seed)
    production = _production(when, seed)
    columns: dict[str, object] = {"horodate": instant_texts(epochs, zone="UTC")}
    columns |= consumption | production | _grid(consumption["consommation_totale"], production, when, seed)
    columns |= _weather_columns(when, seed)
    return pl.DataFrame({name: columns[name] for name in BALANCE_COLUMNS})


def _slot_seconds(day: date) -> Watts:
    """Give the starts of a day's slots in seconds since 1970."""
    start, end = day_bounds_utc(day)
    step = 900 if start >= QUARTER_HOURS_FROM else 1800
    return np.arange(int(start.timestamp()), int(end.timestamp()), step, dtype=np.int64)


def _consumption(groups: shapes.Groups, epochs: Watts, seed: int) -> dict[str, Watts]:
    when, hours = epochs / 86_400, paris_hours(epochs)
    daylight = weather.hours_of_daylight(when)
    celsius = weather.country_temperature(when - 0.25, seed=seed)  # walls answer with a delay
    drawn: dict[str, Watts] = {}
    for stream, (name, mean, shape, growth) in enumerate(_PARTS):
        habit = shapes.habit(shape, groups=groups, local_hours=hours, daylight_h=daylight)
        cold = shapes.heating_factor(celsius, growth=growth)
        drawn[name] = _watts(mean * habit * cold * _chance(when, seed, stream))
    drawn["consommation_totale"] = np.sum(list(drawn.values()), axis=0)
    drawn["consommation_hta"] = drawn["consommation_telerelevee_hta"] + drawn["consommation_profilee_ent_hta"]
    return drawn


def _production(when: Floats, seed: int) -> dict[str, Watts]:
    sun = weather.sun_height(when) * weather.clearness(when, seed=seed)
    winter = 1.0 / (1.0 + np.exp(-12.0 * (np.cos(2 * np.pi * (when - 22.0) / 365.2425) - 0.25)))
    metered = {
        "production_photovoltaique": _watts(12.5e9 * sun * _chance(when, seed, 20)),
        "production_eolien": _watts(14.5e9 * weather.wind(when, seed=seed) * _chance(when, seed, 21)),
        "production_cogeneration": _watts((6e7 + 1.5e9 * winter) * _chance(when, seed, 22)),
        "production_autre": _watts(1.3e9 - 1.5e9 * sun + 3e8 * smooth(when, seed, _SLOW)),
    }
    profiled = {
        "production_profilee_photovoltaique": _watts(1.55e9 * sun * _chance(when, seed, 23)),
        "production_profilee_cogeneration": _watts(2.5e4 + 3e5 * winter - 4e4 * (1 - winter) * sun),
        "production_profilee_hydraulique": _watts(4e5 + 1e6 * winter * _chance(when, seed, 24)),
        "production_profilee_aut": _watts(1.5e6 * _chance(when, seed, 25)),
    }
    totals = {
        "production_telerelevee": np.sum(list(metered.values()), axis=0),
        "production_profilee": np.sum(list(profiled.values()), axis=0),
    }
    return metered | profiled | totals | {"production_totale": np.sum(list(totals.values()), axis=0)}


def _grid(consumed: Watts, production: dict[str, Watts], when: Floats, seed: int) -> dict[str, Watts]:
    """Let the transmission grid close the balance, to the watt."""
    produced = production["production_totale"]
    surplus = np.maximum(0.0, produced - 5.0e9)
    returned = _watts((1.3e9 + 0.5 * surplus) * _chance(when, seed, 40))
    passed_on = _watts(0.0072 * consumed * _chance(when, seed, 41))
    lost = _watts(consumed * (0.042 + 0.88e-12 * consumed) * _chance(when, seed, 42))
    return {
        "injection_rte": consumed + returned + passed_on + lost - produced,
        "soutirage_rte": returned,
        "soutirage_vers_autres_grd": passed_on,
        "pertes": lost,
    }


def _weather_columns(when: Floats, seed: int) -> dict[str, Floats | Watts]:
    return {
        "temperature_reelle_lissee": np.round(weather.country_temperature(when - 0.1, seed=seed), 1),
        "temperature_normale_lissee": np.round(weather.country_normal_temperature(when - 0.1), 1),
        "pseudo_rayonnement": _watts(100.0 * weather.clearness(when, seed=seed)),
    }


def _chance(when: Floats, seed: int, stream: int) -> Floats:
    """Give a factor near 1 for each slot of a series."""
    return 1.0 + 0.01 * signed(seed, _SLOT, stream, np.rint(when * 1440).astype(np.int64))


def _watts(values: Floats) -> Watts:
    return np.rint(values).astype(np.int64)
