"""Rows and documents as tables that charts are drawn from; nothing here asks a server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from courant.domain.calendar import PARIS, slots_of_day
from dashboard.messages import SLOT

GW, MW, GWH = 1e9, 1e6, 1e9
#: What feeds the grid, by the column of `balance`; stacked in this order.
SUPPLY = {
    "injection_rte": "transmission grid",
    "production_eolien": "wind",
    "production_photovoltaique": "solar",
    "production_cogeneration": "cogeneration",
    "production_autre": "other",
}
CONSUMPTION = "consommation_totale"
Rows = Sequence[Mapping[str, Any]]


def joined(stored: Rows, arrived: Rows, *, hours: int) -> pd.DataFrame:
    """Join what MySQL has to what has just arrived: a row a slot, the later one counts, the last hours of them.

    Parameters
    ----------
    stored
        With naive UTC instants, as MySQL gives them.
    arrived
        With aware instants, in the order in which they arrived.
    """
    by_slot = {row[SLOT].replace(tzinfo=UTC): row for row in stored} | {row[SLOT]: row for row in arrived}
    if not by_slot:
        return pd.DataFrame()
    begin = max(by_slot) - timedelta(hours=hours)
    table = pd.DataFrame([{**by_slot[slot], SLOT: slot} for slot in sorted(by_slot) if slot > begin])
    numbers = [name for name in table.columns if name != SLOT]
    table[numbers] = table[numbers].apply(pd.to_numeric, errors="coerce").astype(float)
    return table


def national_figures(table: pd.DataFrame) -> dict[str, float]:
    """Sum up the newest slot: `power_w`, `net_import_w`, `solar`, `wind` (shares of consumption), `temperature_c`.

    NaN where it is not known.
    """
    last = table.iloc[-1] if len(table) else pd.Series(dtype=float)
    power = float(last.get(CONSUMPTION, np.nan))
    share = power if power > 0 else np.nan
    return {
        "power_w": power,
        "net_import_w": last.get("injection_rte", np.nan) - last.get("soutirage_rte", np.nan),
        "solar": last.get("production_photovoltaique", np.nan) / share,
        "wind": last.get("production_eolien", np.nan) / share,
        "temperature_c": last.get("temperature_reelle_lissee", np.nan),
    }


def supply(table: pd.DataFrame) -> pd.DataFrame:
    """Give `slot` (the clock in Paris), `component` and `power_gw`, a row for each slot and component."""
    there = [name for name in SUPPLY if name in table]
    if not there:
        return pd.DataFrame({"slot": [], "component": [], "power_gw": []})
    long = table.melt(id_vars=SLOT, value_vars=there, var_name="component", value_name="power_gw")
    return pd.DataFrame(
        {
            "slot": paris_clock(long[SLOT]),
            "component": long["component"].map(SUPPLY),
            "power_gw": long["power_gw"] / GW,
        }
    )


def consumption(table: pd.DataFrame) -> pd.DataFrame:
    """Give `slot` (the clock in Paris) and `power_gw`."""
    if CONSUMPTION not in table:
        return pd.DataFrame({"slot": [], "power_gw": []})
    return pd.DataFrame({"slot": paris_clock(table[SLOT]), "power_gw": table[CONSUMPTION] / GW}).dropna()


def paris_clock(instants: pd.Series[Any]) -> pd.Series[Any]:
    """Give what a clock in Paris shows, as instants of UTC: a chart draws it so, wherever its browser is."""
    return pd.to_datetime(instants, utc=True).dt.tz_convert(PARIS).dt.tz_localize(None).dt.tz_localize(UTC)


def curve_table(documents: Rows, *, by: str) -> pd.DataFrame:
    """Give the half hours of documents of `daily_curves`: `slot` (the clock in Paris), `power_mw`, and the field `by`.

    Parameters
    ----------
    by
        A field of the documents, such as `region` or `profile`; half hours of equal value are added up.
    """
    added: dict[tuple[str, str], NDArray[np.float64]] = {}
    for one in documents:
        watts = 2 * np.array(one["slots"], dtype=np.float64) / MW  # null becomes NaN
        key = (one[by], one["day"])
        added[key] = _sum(added[key], watts) if key in added else watts
    keys = sorted(added)
    starts = [start for _, day in keys for start in slots_of_day(date.fromisoformat(day))]
    return pd.DataFrame(
        {
            by: [name for name, day in keys for _ in added[name, day]],
            "slot": paris_clock(pd.Series(starts, dtype="datetime64[ns, UTC]")),
            "power_mw": np.concatenate([np.empty(0), *[added[key] for key in keys]]),
        }
    )


def _sum(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Add what is known; what neither knows stays unknown."""
    both = np.isnan(one) & np.isnan(other)
    return np.where(both, np.nan, np.nan_to_num(one) + np.nan_to_num(other))


def range_table(rows: Rows) -> pd.DataFrame:
    """Give `power_range`, `slot` (the clock in Paris) and `power_mw` of half hours; totals are left out."""
    parts = [
        {
            "power_range": row["power_range"] or "not given",
            "slot": row[SLOT].replace(tzinfo=UTC),
            "power_mw": np.nan if row["power_w"] is None else float(row["power_w"]) / MW,
        }
        for row in rows
        if not row["is_total"]
    ]
    table = pd.DataFrame(parts, columns=["power_range", "slot", "power_mw"])
    return table.assign(slot=paris_clock(table["slot"]))


def ranking(documents: Rows, *, by: Sequence[str]) -> pd.DataFrame:
    """Add up the energy of documents by fields of theirs: those, and `energy_gwh`, the most first."""
    rows = [{name: one[name] for name in by} | {"energy_gwh": one["energy_wh"] / GWH} for one in documents]
    table = pd.DataFrame(rows, columns=[*by, "energy_gwh"])
    added = table.groupby(list(by))["energy_gwh"].sum().reset_index()
    return added.sort_values("energy_gwh", ascending=False, ignore_index=True)


def calendar(days: Rows) -> pd.DataFrame:
    """Give `week` (its Monday), `weekday` (1 to 7), `day` and `energy_gwh` of each day."""
    rows = [
        {
            "week": (day - timedelta(days=day.isoweekday() - 1)).isoformat(),
            "weekday": day.isoweekday(),
            "day": day.isoformat(),
            "energy_gwh": one["energy_wh"] / GWH,
        }
        for one in days
        for day in [date.fromisoformat(one["day"])]
    ]
    return pd.DataFrame(rows, columns=["week", "weekday", "day", "energy_gwh"])


def forecast_table(rows: Rows, actual: Mapping[date, Sequence[float | None]]) -> pd.DataFrame:
    """Give `day`, `slot` (the clock in Paris), `forecast_gw`, `low_gw`, `high_gw` and `actual_gw` (NaN: not known)."""
    happened = {
        start: value
        for day, values in actual.items()
        for start, value in zip(slots_of_day(day), values, strict=False)
        if value is not None
    }
    starts = [row[SLOT].replace(tzinfo=UTC) for row in rows]
    return pd.DataFrame(
        {
            "day": [row["paris_day"] for row in rows],
            "slot": paris_clock(pd.Series(starts, dtype="datetime64[ns, UTC]")),
            "forecast_gw": [row["power_w"] / GW for row in rows],
            "low_gw": [row["low_w"] / GW for row in rows],
            "high_gw": [row["high_w"] / GW for row in rows],
            "actual_gw": [happened.get(start, np.nan) / GW for start in starts],
        }
    )


def segment_shapes(segments: Rows) -> pd.DataFrame:
    """Give `segment`, `hour` (0 to 23.5, of the clock) and `share` of the day's mean."""
    rows = [
        {"segment": str(one["segment"]), "hour": k / 2, "share": share}
        for one in segments
        for k, share in enumerate(one["shape"])
    ]
    return pd.DataFrame(rows, columns=["segment", "hour", "share"])


def segment_members(segments: Rows) -> pd.DataFrame:
    """Give `segment`, `series` and `days`: how many of a series' days have the segment's shape."""
    rows = [
        {"segment": str(one["segment"]), "series": member["series"], "days": member["days"]}
        for one in segments
        for member in one["series"]
    ]
    return pd.DataFrame(rows, columns=["segment", "series", "days"])


def principal_axes(segments: Rows) -> pd.DataFrame:
    """Lay the segments' shapes into the plane in which they differ most: `segment`, `days`, `first`, `second`."""
    placed = np.zeros((len(segments), 2))
    if segments:
        shapes = np.array([one["shape"] for one in segments], dtype=float)
        left, strength, _ = np.linalg.svd(shapes - shapes.mean(axis=0), full_matrices=False)
        found = (left * strength)[:, :2]
        placed[:, : found.shape[1]] = found
    return pd.DataFrame(
        {
            "segment": [str(one["segment"]) for one in segments],
            "days": [one["days"] for one in segments],
            "first": placed[:, 0],
            "second": placed[:, 1],
        }
    )
