"""Any day, region, profile and power range: curves, a calendar, regions on a map and ranked, the rows as CSV."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import streamlit as st

from courant.domain.calendar import day_bounds_utc
from courant.stores.mongo_curves import Choices, Chosen, choices, curve_datasets, curves, energy_by_day
from courant.stores.mysql.watching import Rows, segments_of_day
from dashboard import shaping
from dashboard.charts import curves_chart
from dashboard.energy_charts import calendar_chart, map_chart, ranking_chart
from dashboard.reading import contracts, fresh, from_mongo, from_mysql, outlines, shown

EVERY = "all"
DEFAULT_DAYS, MOST_DAYS = 7, 30
TTL_S = 60


@st.cache_data(ttl=TTL_S, show_spinner=False)
def datasets() -> list[str]:
    """Name the data sets that have curves."""
    return from_mongo(curve_datasets)


@st.cache_data(ttl=TTL_S, show_spinner=False)
def choices_of(dataset: str) -> Choices:
    """Give what there is to choose from."""
    return from_mongo(choices, dataset)


@st.cache_data(ttl=TTL_S, show_spinner=False, max_entries=50)
def documents(chosen: Chosen, first: date, last: date) -> Rows:
    """Give the documents of what was chosen."""
    return from_mongo(curves, chosen, first=first, last=last)


@st.cache_data(ttl=TTL_S, show_spinner=False, max_entries=50)
def energies(chosen: Chosen) -> Rows:
    """Give the energy of every day there is."""
    return from_mongo(energy_by_day, chosen)


@st.cache_data(ttl=TTL_S, show_spinner=False, max_entries=50)
def ranges(dataset: str, day: date, region: str, profile: str) -> Rows:
    """Give a day's half hours by power range."""
    return from_mysql(segments_of_day, contracts()[dataset], day, region=region, profile=profile)


def chosen_days(found: Choices) -> tuple[date, date]:
    """Ask for days; at most thirty, so that the page stays quick."""
    newest = found.days[-1]
    asked = st.date_input(
        "Days",
        (max(found.days[0], newest - timedelta(days=DEFAULT_DAYS - 1)), newest),
        min_value=found.days[0],
        max_value=newest,
    )
    first, last = (asked[0], asked[-1]) if isinstance(asked, tuple) and asked else (newest, newest)
    if (last - first).days >= MOST_DAYS:
        st.caption(f"The last {MOST_DAYS} of these days are shown.")
    return max(first, last - timedelta(days=MOST_DAYS - 1)), last


def explore(dataset: str) -> None:
    """Show what there is of a data set."""
    found = choices_of(dataset)
    names = dict(found.regions)
    days, of_region, of_profile = st.columns([2, 2, 1])
    with days:
        first, last = chosen_days(found)
    region = of_region.selectbox(
        "Region", [EVERY, *names], format_func=lambda code: names.get(code, "all regions")
    )
    profile = of_profile.selectbox("Profile", [*found.profiles, EVERY])  # all of them take seconds
    chosen = Chosen(dataset, *(None if one == EVERY else one for one in (region, profile)))
    fresh(day_bounds_utc(found.days[-1])[1], what="data up to")
    show_curves(chosen, first, last)
    st.subheader("Energy of each day")
    st.altair_chart(calendar_chart(shaping.calendar(energies(chosen))), width="stretch")
    show_regions(replace(chosen, region_code=None), first, last)
    show_ranges(chosen, last)


def show_regions(of_all: Chosen, first: date, last: date) -> None:
    """Show which regions used most, on a map and as a ranking."""
    st.subheader("Regions, by the energy of these days")
    table = shaping.ranking(documents(of_all, first, last), by=("region_code", "region"))
    on_map, ranked = st.columns(2)
    on_map.altair_chart(map_chart(table, outlines()), width="stretch")
    ranked.altair_chart(ranking_chart(table, by="region"), width="stretch")


def show_curves(chosen: Chosen, first: date, last: date) -> None:
    """Show the half hours, told apart by what was left open."""
    by = "profile" if chosen.region_code and not chosen.profile else "region"
    table = shaping.curve_table(documents(chosen, first, last), by=by)
    st.subheader(f"Load curves by {by}")
    st.altair_chart(curves_chart(table, by=by), width="stretch")
    name = f"{chosen.dataset}_{first}_{last}.csv"
    st.download_button(
        "Download as CSV", lambda: table.to_csv(index=False), name, "text/csv", on_click="ignore"
    )


def show_ranges(chosen: Chosen, day: date) -> None:
    """Show a day's curves by power range, of one profile in one region."""
    st.subheader(f"Power ranges on {day}")
    if not (chosen.region_code and chosen.profile):
        st.caption("Choose a region and a profile to see its power ranges.")
        return
    with shown("Power ranges"):
        rows = ranges(chosen.dataset, day, chosen.region_code, chosen.profile)
        st.altair_chart(curves_chart(shaping.range_table(rows), by="power_range"), width="stretch")


st.title("Explore")
with shown("The load curves"):
    names = datasets()
    if names:
        explore(st.segmented_control("Data set", names, default=names[0]) or names[0])
    else:
        fresh(None)
        st.info("No load curves are published yet. `courant ingest --drain`, then `courant publish`.")
