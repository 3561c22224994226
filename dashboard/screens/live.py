"""What happens now: the last day from MySQL, joined to what arrives from Kafka at this moment."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from courant.stores.mysql.watching import Rows, last_hours, newest_batches
from dashboard import shaping
from dashboard.charts import supply_chart
from dashboard.messages import SLOT, Messages
from dashboard.reading import contracts, fresh, from_mysql, metrics, shown, tail

HOURS = 24
SHOWN_READINGS = 12
BALANCE = "balance"


@st.cache_resource
def read_once() -> Messages:
    """Read each record once, whoever looks."""
    return Messages(contracts()[BALANCE])


@st.cache_data(ttl=10, show_spinner=False)
def stored() -> Rows:
    """Ask MySQL for the last day."""
    return from_mysql(last_hours, contracts()[BALANCE], hours=HOURS)


@st.cache_data(ttl=3, show_spinner=False)
def batches() -> Rows:
    """Ask how long records took until they were committed."""
    return from_mysql(newest_batches, minutes=2)


def table_of_now() -> pd.DataFrame:
    """Join both; what has arrived stands where MySQL has not got to, and elsewhere it is the same."""
    newest = tail().newest(contracts()[BALANCE].topic)
    arrived = read_once().rows(((one.partition, one.offset, one.broker_s), one.value) for one in newest)
    with shown("What MySQL has"):
        return shaping.joined(stored(), arrived, hours=HOURS)
    return shaping.joined([], arrived, hours=HOURS)


def figures(table: pd.DataFrame) -> None:
    """Show the newest slot's figures."""
    found = shaping.national_figures(table)
    parts = {
        "National power": f"{found['power_w'] / 1e9:.1f} GW",
        "Net import": f"{found['net_import_w'] / 1e9:+.1f} GW",
        "Solar": f"{found['solar']:.1%}",
        "Wind": f"{found['wind']:.1%}",
        "Temperature": f"{found['temperature_c']:.1f} °C",
    }
    metrics({label: "–" if "nan" in value else value for label, value in parts.items()})


def flow() -> None:
    """Show how fast records arrive, how old they are, and when MySQL had them."""
    newest = [one for contract in contracts().values() for one in tail().newest(contract.topic, 1)]
    age = time.time() - max((one.arrived_s for one in newest), default=float("nan"))
    committed = "–"
    with shown("How fast MySQL follows"):
        slowest = max((float(one["p95_ms"] or 0) for one in batches()), default=None)
        committed = "–" if slowest is None else f"{slowest / 1000:,.2f} s"
    metrics(
        {
            "Messages a second": f"{tail().per_second():,.0f}",
            "Since the last message": "–" if age != age else f"{age:,.0f} s",  # noqa: PLR0124 - NaN
            "Until committed in MySQL (p95)": committed,
        }
    )
    if tail().problem:
        st.warning(
            f"**Kafka**: {tail().problem}. It is looked for again every few seconds.",
            icon=":material/cloud_off:",
        )
        st.caption("What to do: `courant up`, or set COURANT_KAFKA_BOOTSTRAP_SERVERS.")


def readings() -> None:
    """Show the newest records of all data sets."""
    arrived = [
        one for contract in contracts().values() for one in tail().newest(contract.topic, SHOWN_READINGS)
    ]
    arrived.sort(key=lambda one: (one.arrived_s, one.offset), reverse=True)
    rows = [
        {
            "arrived (UTC)": f"{datetime.fromtimestamp(one.arrived_s, UTC):%H:%M:%S.%f}"[:-3],
            "topic": one.topic,
            "place": f"{one.partition}:{one.offset}",
            "record": (one.value or b"").decode("utf-8", "replace")[:200],
        }
        for one in arrived[:SHOWN_READINGS]
    ]
    if rows:
        st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch")
    else:
        st.info("Nothing has arrived since this dashboard was started. `make live` sends a stream.")


@st.fragment(run_every=1)
def now() -> None:
    """Draw all of it each second; one fragment, so that a second does not cost the whole page."""
    table = table_of_now()
    figures(table)
    fresh(table[SLOT].max().to_pydatetime() if len(table) else None, what="newest slot")
    if len(table):
        st.altair_chart(supply_chart(shaping.supply(table), shaping.consumption(table)), width="stretch")
        st.caption(
            "Areas: what feeds the grid. Dashed: what is consumed; the rest goes back to the transmission grid,"
            " to other distributors, or is lost."
        )
    flow()
    st.subheader("Newest readings")
    readings()


st.title("Live")
now()
