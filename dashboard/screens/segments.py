"""Load curves by their shape: the segments that k-means found, and which profiles are in which."""

from __future__ import annotations

import streamlit as st

from courant.stores.mongo import Document
from courant.stores.mongo_curves import read_segments
from dashboard import shaping
from dashboard.charts import axes_chart, shapes_chart
from dashboard.reading import fresh, from_mongo, shown


@st.cache_data(ttl=60, show_spinner=False)
def segments() -> list[Document]:
    """Ask MongoDB for all segments."""
    return from_mongo(read_segments)


def show(found: list[Document]) -> None:
    """Show the segments of one data set."""
    fresh(max(one["made_at_utc"] for one in found), what="segments made at")
    shapes, plane = st.columns(2)
    with shapes:
        st.subheader("Shapes")
        st.altair_chart(shapes_chart(shaping.segment_shapes(found)), width="stretch")
    with plane:
        st.subheader("How they differ")
        st.altair_chart(axes_chart(shaping.principal_axes(found)), width="stretch")
    st.subheader("Who is in which")
    members = shaping.segment_members(found)
    st.dataframe(
        members.pivot_table(index="series", columns="segment", values="days", fill_value=0, aggfunc="sum"),
        width="stretch",
    )
    st.caption("Days of each series by segment. The plane: principal axes of the segments' shapes.")


st.title("Segments")
with shown("The segments"):
    by_dataset: dict[str, list[Document]] = {}
    for one in segments():
        by_dataset.setdefault(str(one["dataset"]), []).append(one)
    if by_dataset:
        show(by_dataset[st.selectbox("Data set", list(by_dataset))])
    else:
        fresh(None)
        st.info("No load curves are put into segments yet. `courant ml` does it, with a forecast.")
