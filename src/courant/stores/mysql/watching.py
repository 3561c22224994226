"""What people watch in MySQL: the newest facts and batches, rejects, forecasts, drift and alerts. Only SELECT."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from pymysql.connections import Connection

from courant.domain.calendar import day_bounds_utc
from courant.domain.contract import Contract
from courant.stores.mysql.connection import query
from courant.stores.mysql.day_changes import has_table

Rows = list[dict[str, Any]]


def last_hours(connection: Connection[Any], contract: Contract, *, hours: int) -> Rows:
    """Give the view's rows of the hours before the newest slot, by slot; naive UTC instants."""
    if not has_table(connection, contract.table):
        return []
    newest = f"(SELECT MAX(slot_start_utc) FROM {contract.table})"
    return query(
        connection,
        f"SELECT * FROM {contract.view} WHERE slot_start_utc > {newest} - INTERVAL %s HOUR ORDER BY slot_start_utc",
        (hours,),
    )


def segments_of_day(
    connection: Connection[Any], contract: Contract, day: date, *, region: str, profile: str
) -> Rows:
    """Give a profile's half hours in a region on a Paris day by power range, in W; totals are marked."""
    start, end = (bound.replace(tzinfo=None) for bound in day_bounds_utc(day))
    return query(
        connection,
        "SELECT slot_start_utc, plage_de_puissance_souscrite AS power_range, is_total,"
        f" 2 * total_energie_soutiree_wh AS power_w FROM {contract.view}"
        " WHERE dataset = %s AND region_code = %s AND profil = %s AND slot_start_utc >= %s AND slot_start_utc < %s"
        " ORDER BY slot_start_utc, plage_de_puissance_souscrite",
        (contract.name, region, profile, start, end),
    )


def newest_batches(connection: Connection[Any], *, minutes: int) -> Rows:
    """Give, by data set, the batches of the last minutes: `accepted`, `rejected`, latency and `committed_at`."""
    if not has_table(connection, "ingest_batch"):
        return []
    return query(
        connection,
        "SELECT dataset, SUM(accepted) AS accepted, SUM(rejected) AS rejected, AVG(latency_p50_ms) AS p50_ms,"
        " MAX(latency_p95_ms) AS p95_ms, MAX(committed_at) AS committed_at FROM ingest_batch"
        " WHERE committed_at > UTC_TIMESTAMP(3) - INTERVAL %s MINUTE GROUP BY dataset ORDER BY dataset",
        (minutes,),
    )


def rejects_by_rule(connection: Connection[Any]) -> Rows:
    """Count the open rejects by data set and rule, most first, with the newest one's time."""
    if not has_table(connection, "reject"):
        return []
    return query(
        connection,
        "SELECT dataset, rules, COUNT(*) AS records, MAX(rejected_at) AS newest FROM reject"
        " WHERE replayed_at IS NULL GROUP BY dataset, rules ORDER BY records DESC, rules",
    )


def newest_rejects(connection: Connection[Any], *, count: int) -> Rows:
    """Give the newest open rejects: place, rules, and the first 300 bytes of the record."""
    if not has_table(connection, "reject"):
        return []
    return query(
        connection,
        "SELECT dataset, rules, partition_id, record_offset, rejected_at, LEFT(raw, 300) AS raw FROM reject"
        " WHERE replayed_at IS NULL ORDER BY rejected_at DESC, partition_id, record_offset LIMIT %s",
        (count,),
    )


def forecast_series(connection: Connection[Any]) -> list[str]:
    """Name what is forecast."""
    if not has_table(connection, "forecast"):
        return []
    rows = query(connection, "SELECT DISTINCT series FROM forecast ORDER BY dataset, series")
    return [row["series"] for row in rows]


def forecasts(connection: Connection[Any], series: str, *, days: int) -> Rows:
    """Give a series' forecasts of the newest Paris days, by slot."""
    if not has_table(connection, "forecast"):
        return []
    return query(
        connection,
        "SELECT slot_start_utc, paris_day, slot, power_w, low_w, high_w, model, model_version, made_at FROM forecast"
        " WHERE series = %s AND paris_day > (SELECT MAX(paris_day) FROM forecast WHERE series = %s) - INTERVAL %s DAY"
        " ORDER BY slot_start_utc",
        (series, series, days),
    )


def forecast_scores(connection: Connection[Any], series: str) -> Rows:
    """Give how the forecasts of a series fared, by day."""
    return query(
        connection,
        "SELECT paris_day, model, mape_percent, mae_w, inside_interval FROM forecast_score WHERE series = %s"
        " ORDER BY paris_day",
        (series,),
    )


def drift_of_last_check(connection: Connection[Any]) -> Rows:
    """Give the features of each series' newest check, those that drifted first."""
    if not has_table(connection, "drift"):
        return []
    newest = "SELECT series, MAX(last_day) AS last_day FROM drift GROUP BY series"
    return query(
        connection,
        "SELECT d.series, d.last_day, d.feature, d.ks_statistic, d.p_adjusted, d.psi, d.verdict FROM drift d"
        f" JOIN ({newest}) n ON n.series = d.series AND n.last_day = d.last_day ORDER BY d.is_drift DESC, d.psi DESC",
    )


def drift_by_series(connection: Connection[Any]) -> Rows:
    """Give, by series, the last day of the newest check and whether any feature drifted."""
    if not has_table(connection, "drift"):
        return []
    newest = "SELECT series, MAX(last_day) AS last_day FROM drift GROUP BY series"
    return query(
        connection,
        "SELECT d.series, d.last_day, MAX(d.dataset) AS dataset, MAX(d.is_drift) AS is_drift FROM drift d"
        f" JOIN ({newest}) n ON n.series = d.series AND n.last_day = d.last_day GROUP BY d.series, d.last_day",
    )


def newest_commit(connection: Connection[Any], dataset: str) -> datetime | None:
    """Give when the data set's newest batch with records was committed, naive UTC."""
    if not has_table(connection, "ingest_batch"):
        return None
    sql = "SELECT committed_at FROM ingest_batch WHERE dataset = %s AND rows_in > 0 ORDER BY committed_at DESC LIMIT 1"
    rows = query(connection, sql, (dataset,))
    return rows[0]["committed_at"] if rows else None


def raised_now(connection: Connection[Any]) -> Rows:
    """Give what is raised at the moment, the most urgent and then the newest first, with its newest alert's words."""
    if not has_table(connection, "alert_standing"):
        return []
    return query(
        connection,
        "SELECT s.rule, s.subject, s.changed_at, s.alerts, a.severity, a.message FROM alert_standing s"
        " JOIN alert a ON a.alert_id = s.last_alert_id WHERE s.is_raised"
        " ORDER BY FIELD(a.severity, 'critical', 'warning', 'info'), s.changed_at DESC",
    )


def newest_alerts(connection: Connection[Any], *, count: int) -> Rows:
    """Give the newest alerts; none where none were ever kept."""
    if not has_table(connection, "alert"):
        return []
    return query(
        connection,
        "SELECT raised_at, severity, state, kind, rule, dataset, subject, message, delivery FROM alert"
        " ORDER BY raised_at DESC, alert_id LIMIT %s",
        (count,),
    )
