"""Tables drawn: each function takes one of `shaping`'s tables and gives a chart, in colours that all can tell apart."""

from __future__ import annotations

import altair as alt
import pandas as pd

#: Okabe and Ito's colours, which people with any colour vision tell apart, on white and on black.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999")
HEIGHT = 300
_NARROW = "width < 450"  # a telephone
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
            tooltip=[_at(), "component:N", number("power_gw", "GW")],
        )
    )
    base = alt.Chart(consumption).encode(x=_SLOT, y="power_gw:Q")
    halo = base.mark_line(color="white", strokeWidth=5, opacity=0.8)  # else it is lost on blue
    line = base.mark_line(color="#D55E00", strokeWidth=2.5, strokeDash=[6, 3]).encode(
        tooltip=[_at(), number("power_gw", "consumption, GW")]
    )
    return alt.layer(areas, halo, line).properties(height=_with_legend(len(set(supply["component"]))))


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
            tooltip=[f"{by}:N", _at(), number("power_mw", "MW")],
        )
        .properties(height=_with_legend(len(set(table[by]))))
    )


def forecast_chart(table: pd.DataFrame) -> alt.LayerChart | alt.FacetChart:
    """Draw a forecast in its interval, and what happened as far as it is known."""
    base = alt.Chart(table).encode(x=_SLOT)
    band = base.mark_area(opacity=0.4, color=COLOURS[0]).encode(
        y=alt.Y("low_gw:Q", title="GW", scale=alt.Scale(zero=False)), y2="high_gw:Q"
    )
    tips = (("forecast_gw", "forecast, GW"), ("low_gw", "10 %"), ("high_gw", "90 %"))
    line = base.mark_line(color=COLOURS[0]).encode(
        y="forecast_gw:Q", tooltip=[_at(), *[number(name, title) for name, title in tips]]
    )
    happened = (
        alt.Chart(table.dropna(subset=["actual_gw"]))
        .mark_line(color="#D55E00", strokeDash=[6, 3])
        .encode(x=_SLOT, y="actual_gw:Q", tooltip=[_at(), number("actual_gw", "happened, GW")])
    )
    return alt.layer(band, line, happened).properties(height=HEIGHT)


def errors_chart(table: pd.DataFrame) -> alt.Chart:
    """Draw the error of each day's forecast: `paris_day`, `mape_percent`, `model`."""
    return (
        alt.Chart(table)
        .mark_bar()
        .encode(
            x=alt.X("yearmonthdate(paris_day):O", title=None, axis=alt.Axis(format="%d %b")),
            y=alt.Y("mape_percent:Q", title="MAPE, %"),
            color=_colour("model", sorted(set(table["model"]))),
            tooltip=["paris_day:T", "model:N", number("mape_percent", "MAPE, %")],
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
            tooltip=["segment:N", number("hour", "hour"), number("share", "share")],
        )
        .properties(height=HEIGHT)
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
        .properties(height=HEIGHT)
    )


def _colour(name: str, order: list[str]) -> alt.Color:
    scale = alt.Scale(domain=order, range=[COLOURS[k % len(COLOURS)] for k in range(len(order))])
    legend = alt.Legend(
        orient="bottom",
        columns=alt.ExprRef(f"{_NARROW} ? 2 : 3"),
        labelLimit=alt.ExprRef(f"{_NARROW} ? 105 : 200"),
    )
    return alt.Color(f"{name}:N", title=None, scale=scale, legend=legend)


def _with_legend(names: int) -> int:
    """Give the height in which a legend of two columns leaves room for the chart."""
    return HEIGHT + 18 * ((names + 1) // 2)


def _dash(name: str, order: list[str]) -> alt.StrokeDash:
    """Tell apart what has the same colour, from the ninth on."""
    dashes = ([1, 0], [5, 3], [1, 2])
    scale = alt.Scale(
        domain=order, range=[dashes[k // len(COLOURS) % len(dashes)] for k in range(len(order))]
    )
    return alt.StrokeDash(f"{name}:N", scale=scale, legend=None)


def number(name: str, title: str) -> alt.Tooltip:
    """Show a number with two decimals where a mark is pointed at."""
    return alt.Tooltip(f"{name}:Q", title=title, format=",.2f")


def _at() -> alt.Tooltip:
    return alt.Tooltip("utcyearmonthdatehoursminutes(slot):T", title="at", format="%d %b %H:%M")
