"""The next day's curve in its interval, how the last ones fared, and how the models compare."""

from __future__ import annotations

from datetime import UTC, date

import pandas as pd
import streamlit as st

from courant.batch.record_runs import ENGINE
from courant.stores.mongo_curves import actual_curves
from courant.stores.mysql.watching import Rows, forecast_scores, forecast_series, forecasts
from dashboard import shaping
from dashboard.charts import errors_chart, forecast_chart
from dashboard.reading import contracts, fresh, from_mongo, from_mysql, settings, shown

SHOWN_DAYS = 7
TTL_S = 30
COSTS = {
    "cold_total_wall_s": "from nothing, s", "fit_wall_s": "warm fit, s", "peak_pss_mb": "peak memory, MB",
    "mape": "MAPE, %",
}  # fmt: skip


@st.cache_data(ttl=TTL_S, show_spinner=False)
def made(series: str) -> Rows:
    """Give the newest days' forecasts."""
    return from_mysql(forecasts, series, days=SHOWN_DAYS)


@st.cache_data(ttl=TTL_S, show_spinner=False)
def happened(series: str, days: list[date]) -> dict[date, list[float | None]]:
    """Give what happened on these days, as far as it is known."""
    return from_mongo(actual_curves, series, days)


@st.cache_data(ttl=TTL_S, show_spinner=False)
def engines(dataset: str) -> pd.DataFrame:
    """Give the newest comparison of a data set's engines."""
    from courant.registry.tracking import Tracker  # noqa: PLC0415 - MLflow: the screen does not wait for it

    runs = Tracker(settings(), dataset).runs(ENGINE)
    rows = [
        {name: run.tags[name] for name in ("work", "engine")}
        | {name: int(run.params[name]) for name in ("rows", "cores")}
        | {title: run.metrics.get(name) for name, title in COSTS.items()}
        for run in runs
        if run.parent == runs[0].parent
    ]  # fmt: skip
    return pd.DataFrame(rows)


def curves(series: str) -> None:
    """Show the newest day's forecast, and the one before it against what happened."""
    rows = made(series)
    days = sorted({row["paris_day"] for row in rows})
    actual: dict[date, list[float | None]] = {}
    with shown("What happened"):
        actual = happened(series, days)
    table = shaping.forecast_table(rows, actual)
    newest = rows[-1]
    fresh(
        newest["made_at"].replace(tzinfo=UTC),
        what=f"forecast by {newest['model']} {newest['model_version']}, made at",
    )
    for day in days[-1:-3:-1]:
        st.subheader(f"{day:%A %d %B %Y}")
        st.altair_chart(forecast_chart(table[table["day"] == day]), width="stretch")
    st.caption("Blue: forecast, with the interval in which 80 % are expected. Dashed: what happened.")


def scores(series: str) -> None:
    """Show how the forecasts of the last days fared."""
    found = pd.DataFrame(from_mysql(forecast_scores, series))
    st.subheader("How the last forecasts fared")
    if found.empty:
        st.caption("No day that was forecast is over yet.")
        return
    st.altair_chart(errors_chart(found.assign(paris_day=found["paris_day"].astype(str))), width="stretch")
    st.caption(
        f"Inside the interval: {found['inside_interval'].mean():.0%} of half hours, over {len(found)} days."
    )


def comparison() -> None:
    """Show what each engine costs."""
    st.subheader("The same model on three engines")
    found = {name: engines(name) for name in contracts()} if settings().mlflow.root.exists() else {}
    compared = {name: table for name, table in found.items() if not table.empty}
    if not compared:
        st.caption("No comparison yet: `courant ml` makes one.")
    for name, table in compared.items():
        st.caption(f"On {name}, by the newest run")
        st.dataframe(table.round(2), hide_index=True, width="stretch")
    st.markdown(
        f"All runs, plots and models: `courant mlflow` shows them at http://127.0.0.1:{settings().mlflow.port}"
    )


st.title("Forecast")
with shown("The forecasts"):
    names = from_mysql(forecast_series)
    if names:
        series = st.selectbox("Series", names)
        curves(series)
        scores(series)
    else:
        fresh(None)
        st.info("Nothing is forecast yet. `courant ml` needs 71 days of documents; `make demo` brings 90.")
comparison()
