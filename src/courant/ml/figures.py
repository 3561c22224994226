"""Plots of a comparison and of a forecast, as figures that a run or a document keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from courant.ml.backtest import Backtest
from courant.ml.scores import mape

_COLOURS = {"sklearn": "#2a78b5", "dask": "#e08a1e", "spark": "#3c8d40"}
_SIZE = (7.5, 3.8)

Points = Sequence[tuple[float, float]]


def cost_by_rows(costs: Mapping[str, Mapping[str, Points]]) -> Figure:
    """Draw each cost against the rows, a line an engine, both axes logarithmic.

    Parameters
    ----------
    costs
        By the title of a panel, with its unit, and the engine: (rows, cost), in the order of rows.
    """
    figure = Figure(figsize=(_SIZE[0] * len(costs) / 2 + 1, _SIZE[1]), layout="constrained")
    panels = figure.subplots(1, len(costs), squeeze=False)[0]
    for axes, (title, by_engine) in zip(panels, costs.items(), strict=True):
        for engine, points in by_engine.items():
            rows, values = zip(*points, strict=True)
            axes.plot(rows, values, marker="o", label=engine, color=_COLOURS.get(engine))
        axes.set(xscale="log", yscale="log", xlabel="rows", ylabel=title)
        sizes = sorted({rows for points in by_engine.values() for rows, _ in points})
        axes.set_xticks(sizes, [f"{size:,.0f}" for size in sizes])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.grid(visible=True, which="both", alpha=0.3)
    panels[0].legend()
    return figure


def error_by_hour(judged: Mapping[str, Backtest]) -> Figure:
    """Draw each model's MAPE by the hour of the day."""
    figure, axes = _one("hour in Paris", "MAPE %")
    for name, found in judged.items():
        hours = found.half_hours // 2
        errors = [mape(found.actual_w[hours == hour], found.forecast_w[hours == hour]) for hour in range(24)]
        axes.plot(range(24), errors, label=name)
    axes.set_ylim(bottom=0)
    axes.legend(fontsize="small", ncols=2)
    return figure


def error_by_training_date(points: Mapping[str, Sequence[tuple[date, float]]]) -> Figure:
    """Draw the MAPE of the backtests, by model, against the last day that was learnt from."""
    figure, axes = _one("learnt up to", "MAPE % of the backtest")
    for name, one in points.items():
        days, errors = zip(*sorted(one), strict=True)
        axes.plot(np.array(days, dtype="datetime64[D]"), errors, marker="o", label=name)
    axes.set_ylim(bottom=0)
    axes.legend(fontsize="small")
    figure.autofmt_xdate()
    return figure


def _one(x: str, y: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=_SIZE, layout="constrained")
    axes = figure.subplots()
    axes.set(xlabel=x, ylabel=y)
    axes.grid(visible=True, alpha=0.3)
    return figure, axes
