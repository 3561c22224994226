"""The dashboard's frame: its screens, and a second look wherever a server was away.

courant dashboard
"""

from __future__ import annotations

import streamlit as st

_AGAIN_AFTER_S = 5
SCREENS = (
    ("live", "Live", ":material/bolt:"),
    ("explore", "Explore", ":material/search:"),
    ("forecast", "Forecast", ":material/trending_up:"),
    ("segments", "Segments", ":material/category:"),
    ("health", "Health", ":material/monitor_heart:"),
)


@st.fragment(run_every=_AGAIN_AFTER_S)
def look_again() -> None:
    """Draw the screen anew, but not while it is being drawn: a fragment's first run is part of the screen's."""
    if st.session_state.get("looked_at") == st.session_state["runs"]:
        st.rerun()
    st.session_state["looked_at"] = st.session_state["runs"]


def main() -> None:
    """Draw the screen that was chosen."""
    st.set_page_config(page_title="Courant", page_icon=":material/bolt:", layout="wide")
    st.session_state["runs"] = st.session_state.get("runs", 0) + 1
    st.session_state["is_missing"] = False
    st.navigation(
        [
            st.Page(f"screens/{name}.py", title=title, icon=icon, default=name == "live")
            for name, title, icon in SCREENS
        ]
    ).run()
    if st.session_state["is_missing"]:
        look_again()


main()
