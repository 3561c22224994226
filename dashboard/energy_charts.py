"""Energies drawn: of regions, on a map and ranked, and of days, in a calendar."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import altair as alt
import pandas as pd

from dashboard.charts import COLOURS, HEIGHT, number

_MAP_HEIGHT = HEIGHT + 40
_WEEKS = 8
_WEEKDAYS = "['', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'][datum.value]"


def map_chart(table: pd.DataFrame, outlines: dict[str, Any]) -> alt.LayerChart | alt.FacetChart:
    """Colour each region by its energy; one without any stays grey.

    Parameters
    ----------
    table
        `region_code`, `region` and `energy_gwh`.
    outlines
        GeoJSON of the regions, whose ids are their codes.
    """
    shapes = alt.Chart(alt.InlineData(values=outlines["features"]))
    empty = shapes.mark_geoshape(fill="#999999", fillOpacity=0.25, stroke="#999999", strokeWidth=0.5)
    found = alt.LookupData(table, "region_code", ["region", "energy_gwh"])
    coloured = (
        shapes.mark_geoshape(stroke="white", strokeWidth=0.5)
        .transform_lookup("id", found)
        .transform_filter("isValid(datum.energy_gwh)")
        .encode(
            color=alt.Color("energy_gwh:Q", title="GWh", scale=alt.Scale(scheme="cividis")),
            tooltip=["region:N", number("energy_gwh", "GWh")],
        )
    )
    return alt.layer(empty, coloured).project("mercator").properties(height=_MAP_HEIGHT)


def ranking_chart(table: pd.DataFrame, *, by: str) -> alt.Chart:
    """Draw a bar for each value, the longest at the top."""
    return (
        alt.Chart(table)
        .mark_bar(color=COLOURS[0])
        .encode(
            y=alt.Y(f"{by}:N", sort="-x", title=None, axis=alt.Axis(labelLimit=140)),
            x=alt.X("energy_gwh:Q", title="GWh"),
            tooltip=[f"{by}:N", number("energy_gwh", "GWh")],
        )
        .properties(height=_MAP_HEIGHT)
    )


def calendar_chart(table: pd.DataFrame) -> alt.Chart:
    """Draw a cell for each day: weeks from left to right, weekdays downwards; room for eight weeks at least."""
    weeks = sorted(set(table["week"]))
    before = (
        [str(date.fromisoformat(weeks[0]) - timedelta(weeks=k)) for k in range(_WEEKS - len(weeks), 0, -1)]
        if weeks
        else []
    )
    return (
        alt.Chart(table)
        .mark_rect()
        .encode(
            x=alt.X(
                "week:O",
                title="week from",
                scale=alt.Scale(domain=[*before, *weeks]),
                axis=alt.Axis(labelAngle=-45, labelOverlap=True),
            ),
            y=alt.Y(
                "weekday:O",
                title=None,
                scale=alt.Scale(domain=list(range(1, 8))),
                axis=alt.Axis(labelExpr=_WEEKDAYS),
            ),
            color=alt.Color("energy_gwh:Q", title="GWh", scale=alt.Scale(scheme="cividis")),
            tooltip=["day:O", number("energy_gwh", "GWh")],
        )
        .properties(height=210)
    )
