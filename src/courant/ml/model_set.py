"""The forecasters of one data set, a series each, with how far they err: what is saved, registered and asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from courant.domain.feature_matrix import FeatureMatrix
from courant.ml.backtest import IntervalTable
from courant.ml.engines.interface import Array
from courant.ml.forecasters import Forecaster
from courant.ml.saved import load, save

_ABOUT, _INTERVALS = "model_set.json", "intervals.npz"


@dataclass(frozen=True)
class DayForecast:
    """A day of one series; arrays by slot."""

    series: str
    day: date
    slots: NDArray[np.int64]
    power_w: Array
    low_w: Array
    high_w: Array


@dataclass(frozen=True)
class ModelSet:
    """Fitted forecasters by series, all of one recipe."""

    recipe: str
    forecasters: Mapping[str, Forecaster]
    intervals: Mapping[str, IntervalTable]

    def forecast(self, rows: FeatureMatrix, series: str) -> DayForecast:
        """Forecast the rows of one day.

        Raises
        ------
        ValueError
            If a feature of a slot is not known, or the rows are of several days.
        KeyError
            If no forecaster is there for the series.
        """
        [day] = np.unique(rows.days)
        if len(rows.complete().slots) != len(rows.slots):
            unknown = [name for name in rows.columns if np.isnan(rows.column(name)).any()]
            raise ValueError(f"{series} on {day}: not known are {', '.join(unknown)}")
        power_w = self.forecasters[series].forecast_w(rows)
        low_w, high_w = self.intervals[series].around(power_w, rows.half_hours)
        return DayForecast(series, day.item(), rows.slots, power_w, low_w, high_w)


def save_models(models: ModelSet, folder: Path) -> None:
    """Write all forecasters into a folder that is not there yet."""
    folder.mkdir(parents=True)
    names = sorted(models.forecasters)
    for number, name in enumerate(names):
        save(models.forecasters[name], folder / str(number))
    tables = {str(number): models.intervals[name].errors_w for number, name in enumerate(names)}
    least = np.array([models.intervals[name].least_w for name in names])
    np.savez(folder / _INTERVALS, allow_pickle=False, **tables, least_w=least)
    about = {"recipe": models.recipe, "series": names}
    (folder / _ABOUT).write_text(json.dumps(about), encoding="utf-8")


def load_models(folder: Path) -> ModelSet:
    """Read what `save_models` wrote."""
    about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
    numbered = list(enumerate(about["series"]))
    with np.load(folder / _INTERVALS) as tables:
        intervals = {
            name: IntervalTable(tables[str(number)], float(tables["least_w"][number]))
            for number, name in numbered
        }
    return ModelSet(
        about["recipe"], {name: load(folder / str(number)) for number, name in numbered}, intervals
    )
