"""Tables drawn: each function takes one of `shaping`'s tables and gives a chart, in colours that all can tell apart."""

from __future__ import annotations

import altair as alt
import pandas as pd

#: Okabe and Ito's colours, which people with any colour vision tell apart, on white and on black.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999")
_HEIGHT = 300
_WEEKDAYS = "['', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'][datum.value]"
_SLOT = alt.X(
    "slot:T", title=None, scale=alt.Scale(type="utc"), axis=alt.Axis(format="%a %H:%M", labelOverlap=True)
)


def supply_chart(supply: pd.DataFrame, consumption: pd.DataFrame) -> alt.LayerChart | alt.FacetChart:
    """Stack what feeds the grid, and draw what is consumed as a line."""
    areas = (
        alt.Chart(supply)
        .mark_area(opacity=0.85)
        .encode(
            x=_SLOT,
            y=alt.Y("power_gw:Q", title="GW", stack=True),
            color=_colour("component", list(dict.fromkeys(supply["component"]))),
            tooltip=[_at(), "component:N", _number("power_gw", "GW")],
        )
    )
    line = (
        alt.Chart(consumption)
        .mark_line(color="#D55E00", strokeWidth=2, strokeDash=[6, 3])
        .encode(x=_SLOT, y="power_gw:Q", tooltip=[_at(), _number("power_gw", "consumption, GW")])
    )
    return alt.layer(areas, line).properties(height=_HEIGHT)


def curves_chart(table: pd.DataFrame, *, by: str) -> alt.Chart:
    """Draw a line for each value of a column."""
    return (
        alt.Chart(table)
        .mark_line(interpolate="step-after")
        .encode(
            x=_SLOT,
            y=alt.Y("power_mw:Q", title="MW"),
            color=_colour(by, sorted(set(table[by]))),
            strokeDash=_dash(by, sorted(set(table[by]))),
            tooltip=[f"{by}:N", _at(), _number("power_mw", "MW")],
        )
        .properties(height=_HEIGHT)
    )


def ranking_chart(table: pd.DataFrame, *, by: str) -> alt.Chart:
    """Draw a bar for each value, the longest at the top."""
    return (
        alt.Chart(table)
        .mark_bar(color=COLOURS[0])
        .encode(
            y=alt.Y(f"{by}:N", sort="-x", title=None, axis=alt.Axis(labelLimit=140)),
            x=alt.X("energy_gwh:Q", title="GWh"),
            tooltip=[f"{by}:N", _number("energy_gwh", "GWh")],
        )
    )


def calendar_chart(table: pd.DataFrame) -> alt.Chart:
    """Draw a cell for each day: weeks from left to right, weekdays downwards."""
    return (
        alt.Chart(table)
        .mark_rect()
        .encode(
            x=alt.X("week:O", title="week from", axis=alt.Axis(labelAngle=-45, labelOverlap=True)),
            y=alt.Y("weekday:O", title=None, axis=alt.Axis(labelExpr=_WEEKDAYS)),
            color=alt.Color("energy_gwh:Q", title="GWh", scale=alt.Scale(scheme="cividis")),
            tooltip=["day:O", _number("energy_gwh", "GWh")],
        )
        .properties(height=210)
    )


def forecast_chart(table: pd.DataFrame) -> alt.LayerChart | alt.FacetChart:
    """Draw a forecast in its interval, and what happened as far as it is known."""
    base = alt.Chart(table).encode(x=_SLOT)
    band = base.mark_area(opacity=0.3, color=COLOURS[0]).encode(
        y=alt.Y("low_gw:Q", title="GW", scale=alt.Scale(zero=False)), y2="high_gw:Q"
    )
    tips = (("forecast_gw", "forecast, GW"), ("low_gw", "10 %"), ("high_gw", "90 %"))
    line = base.mark_line(color=COLOURS[0]).encode(
        y="forecast_gw:Q", tooltip=[_at(), *[_number(name, title) for name, title in tips]]
    )
    happened = (
        alt.Chart(table.dropna(subset=["actual_gw"]))
        .mark_line(color="#D55E00", strokeDash=[6, 3])
        .encode(x=_SLOT, y="actual_gw:Q", tooltip=[_at(), _number("actual_gw", "happened, GW")])
    )
    return alt.layer(band, line, happened).properties(height=_HEIGHT)


def errors_chart(table: pd.DataFrame) -> alt.Chart:
    """Draw the error of each day's forecast: `paris_day`, `mape_percent`, `model`."""
    return (
        alt.Chart(table)
        .mark_bar()
        .encode(
            x=alt.X("yearmonthdate(paris_day):O", title=None, axis=alt.Axis(format="%d %b")),
            y=alt.Y("mape_percent:Q", title="MAPE, %"),
            color=_colour("model", sorted(set(table["model"]))),
            tooltip=["paris_day:T", "model:N", _number("mape_percent", "MAPE, %")],
        )
        .properties(height=200)
    )


def shapes_chart(table: pd.DataFrame) -> alt.Chart:
    """Draw each segment's day as shares of its mean."""
    return (
        alt.Chart(table)
        .mark_line()
        .encode(
            x=alt.X("hour:Q", title="hour of the clock", scale=alt.Scale(domain=[0, 24])),
            y=alt.Y("share:Q", title="share of the day's mean"),
            color=_colour("segment", sorted(set(table["segment"]))),
            tooltip=["segment:N", _number("hour", "hour"), _number("share", "share")],
        )
        .properties(height=_HEIGHT)
    )


def axes_chart(table: pd.DataFrame) -> alt.Chart:
    """Draw a dot for each segment, as large as it has days."""
    return (
        alt.Chart(table)
        .mark_circle(opacity=0.85)
        .encode(
            x=alt.X("first:Q", title="first axis"),
            y=alt.Y("second:Q", title="second axis"),
            size=alt.Size("days:Q", legend=None, scale=alt.Scale(range=[80, 900])),
            color=_colour("segment", sorted(set(table["segment"]))),
            tooltip=["segment:N", "days:Q"],
        )
        .properties(height=_HEIGHT)
    )


def _colour(name: str, order: list[str]) -> alt.Color:
    scale = alt.Scale(domain=order, range=[COLOURS[k % len(COLOURS)] for k in range(len(order))])
    return alt.Color(f"{name}:N", title=None, scale=scale, legend=alt.Legend(orient="bottom", columns=3))


def _dash(name: str, order: list[str]) -> alt.StrokeDash:
    """Tell apart what has the same colour, from the ninth on."""
    dashes = ([1, 0], [5, 3], [1, 2])
    scale = alt.Scale(
        domain=order, range=[dashes[k // len(COLOURS) % len(dashes)] for k in range(len(order))]
    )
    return alt.StrokeDash(f"{name}:N", scale=scale, legend=None)


def _number(name: str, title: str) -> alt.Tooltip:
    return alt.Tooltip(f"{name}:Q", title=title, format=",.2f")


def _at() -> alt.Tooltip:
    return alt.Tooltip("utcyearmonthdatehoursminutes(slot):T", title="at", format="%d %b %H:%M")
