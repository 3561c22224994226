"""How each layer stands, and what went wrong: rejects, alerts, drift."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from courant.domain.calendar import PARIS
from courant.layers.status import LayerStatus, read_layers
from courant.stores.mysql.watching import (
    Rows,
    drift_of_last_check,
    newest_alerts,
    newest_rejects,
    raised_now,
    rejects_by_rule,
)
from dashboard.reading import contracts, fresh, from_mysql, metrics, settings, shown, tell_away

SHOWN, SHOWN_WHOLE = 50, 15


@st.cache_data(ttl=10, show_spinner="asking each layer")
def layers() -> list[LayerStatus]:
    """Ask each layer for each data set; a server that is away is said in its line."""
    return read_layers(settings(), contracts().values())


def layer_table(found: list[LayerStatus]) -> pd.DataFrame:
    """Arrange the layers for people."""
    proof = {True: "ok", False: "differs", None: ""}
    rows = [
        {
            "data set": one.dataset,
            "layer": one.layer,
            "rows": "not made yet" if one.rows is None else f"{one.rows:,}",
            "last slot": clock(one.last_slot),
            "lag": "" if one.lag is None else f"{one.lag:,} {one.lag_unit}",
            "last run": clock(one.last_run) + ("" if one.last_run_ok else " failed"),
            "reconcile": f"{clock(one.last_reconcile)} {proof[one.reconcile_ok]}",
        }
        for one in found
    ]
    return pd.DataFrame(rows)


def clock(instant: datetime | None) -> str:
    """Write an instant by the clock in Paris."""
    return f"{instant.astimezone(PARIS):%m-%d %H:%M}" if instant else ""


def show_layers() -> None:
    """Show all layers, and count what differs."""
    found = layers()
    away = sorted({one.layer for one in found if one.problem})
    differs = sorted({one.dataset for one in found if one.reconcile_ok is False})
    metrics(
        {
            "Servers away": ", ".join(away) or "none",
            "Layers differ": ", ".join(differs) or "none",
            "Newest batch": newest(found),
        }
    )
    if away:
        layers.clear()  # else what was found away would be shown for a while after it came back
    for problem in sorted({one.problem for one in found if one.problem}):
        tell_away(problem)
    st.dataframe(layer_table(found), hide_index=True, width="stretch", height="content")
    fresh(max((one.last_slot for one in found if one.last_slot), default=None), what="newest slot")


def newest(found: list[LayerStatus]) -> str:
    """Say how long ago the last batch was committed."""
    batches = [one.last_run for one in found if one.layer == "mysql" and one.last_run]
    if not batches:
        return "–"
    minutes = (datetime.now(UTC) - max(batches)).total_seconds() / 60
    return f"{minutes:,.0f} min ago"


def show_raised(rows: Rows) -> None:
    """Show each alert that stands, in its own words."""
    if not rows:
        st.caption("Nothing.")
    for row in rows[:SHOWN]:
        show = st.error if row["severity"] == "critical" else st.warning
        since = row["changed_at"].replace(tzinfo=UTC)
        more = f", {row['alerts']:,} times" if row["alerts"] > 1 else ""
        show(
            f"{row['message']} ({row['rule']}, since {clock(since)}{more})",
            icon=":material/notifications_active:",
        )


def show_table(title: str, rows: Rows, nothing: str) -> None:
    """Show rows, or say that there are none."""
    st.subheader(title)
    if rows:
        is_short = len(rows) <= SHOWN_WHOLE
        table = pd.DataFrame(rows)
        st.dataframe(table, hide_index=True, width="stretch", height="content" if is_short else "auto")
    else:
        st.caption(nothing)


st.title("Health")
show_layers()
with shown("Alerts, rejects and drift"):
    st.subheader("Raised now")
    show_raised(from_mysql(raised_now))
    show_table("Alerts", from_mysql(newest_alerts, count=SHOWN), "No alert was ever kept.")
    show_table("Rejects by rule", from_mysql(rejects_by_rule), "No record waits for a mended contract.")
    samples = [
        {**row, "raw": bytes(row["raw"] or b"").decode("utf-8", "replace")}
        for row in from_mysql(newest_rejects, count=10)
    ]
    show_table("The newest rejects", samples, "None.")
    show_table(
        "Drift, by the newest check", from_mysql(drift_of_last_check), "No check yet: it needs 425 days."
    )
