"""A few rows for the Power BI project's tests, around the autumn day of 25 hours; powers in MW, energies in MWh."""

from __future__ import annotations

from collections.abc import Iterator

_MEGA = 1_000_000
_PLACE = "source_epoch, source_partition, source_offset"
#: By region, segment and slot: energy and sites. Segment 1 is the total of 2 and 3; 4 is the total of 5.
_CONSUMPTION = {
    ("11", 1, "2024-10-27 00:00"): (100, 9),
    ("11", 2, "2024-10-27 00:00"): (30, 3),
    ("11", 3, "2024-10-27 00:00"): (60, 5),
    ("11", 1, "2024-10-27 00:30"): (None, None),  # the total is secret
    ("11", 2, "2024-10-27 00:30"): (40, 4),
    ("84", 2, "2024-10-27 00:00"): (50, 2),  # no total was published
    ("11", 4, "2024-10-27 00:00"): (10, 4),
    ("11", 5, "2024-10-27 00:00"): (10, 4),
}
#: Power and temperature. 00:00 and 01:00 UTC are both 02:00 in Paris that day.
_BALANCE = {
    "2024-10-27 00:00": (40, "10.00"),
    "2024-10-27 00:15": (60, "NULL"),
    "2024-10-27 01:00": (70, "NULL"),
    "2024-10-27 01:15": (70, "NULL"),
    "2024-10-28 00:00": (90, "8.00"),
}
REGIONAL = "consumption_inf36|11|RES1"
_FORECAST = {
    ("balance", "2024-10-27 00:00"): (52, 48, 56),
    ("balance", "2024-10-27 01:00"): (67, 60, 75),
    ("balance", "2024-10-29 00:00"): (80, 70, 90),  # not known yet
    (REGIONAL, "2024-10-27 00:00"): (210, 190, 230),
}
_SCORES = {("balance", "2024-10-26"): (2.0, 1, 3, 0.75), ("balance", "2024-10-27"): (4.0, 3, 4, 0.85)}


def statements() -> Iterator[str]:
    """Give the statements that insert the rows into tables that contracts and migrations made."""
    yield "INSERT INTO region VALUES ('11', 'Île-de-France'), ('84', 'Auvergne-Rhône-Alpes')"
    yield "INSERT INTO profile VALUES (1, 'RES1'), (2, 'PRO1')"
    yield "INSERT INTO sector VALUES (1, '')"
    yield (
        "INSERT INTO power_range (power_range_id, plage_de_puissance_souscrite, is_total, lower_kva, upper_kva) VALUES"
        " (1, 'P0: Total <= 36 kVA', TRUE, 0, 36), (2, 'P1: ]0-3] kVA', FALSE, 0, 3), (3, 'P2: ]3-6] kVA', FALSE, 3, 6)"
    )
    yield (
        "INSERT INTO segment (segment_id, profile_id, power_range_id, sector_id, dataset) VALUES "
        + ", ".join(
            f"({number}, {profile}, {power_range}, 1, 'consumption_inf36')"
            for number, profile, power_range in ((1, 1, 1), (2, 1, 2), (3, 1, 3), (4, 2, 1), (5, 2, 2))
        )
    )
    yield from (
        "INSERT INTO consumption (slot_start_utc, region_code, segment_id, total_energie_soutiree_wh,"
        f" nb_points_soutirage, {_PLACE})"
        f" VALUES ('{slot}', '{region}', {segment}, {_sql(energy)}, {sites or 'NULL'}, 0, 0, 0)"
        for (region, segment, slot), (energy, sites) in _CONSUMPTION.items()
    )
    yield from (
        f"INSERT INTO balance (slot_start_utc, consommation_totale, temperature_reelle_lissee, {_PLACE})"
        f" VALUES ('{slot}', {_sql(power)}, {warmth}, 0, 0, 0)"
        for slot, (power, warmth) in _BALANCE.items()
    )
    yield from (
        f"INSERT INTO forecast VALUES ('{series}', '{slot}', '{series.split('|')[0]}', DATE('{slot}'), 1,"
        f" {_sql(power)}, {_sql(low)}, {_sql(high)}, 'ridge', 1, '2024-10-26 22:00')"
        for (series, slot), (power, low, high) in _FORECAST.items()
    )
    yield from (
        f"INSERT INTO forecast_score VALUES ('{series}', '{day}', 'balance', 'ridge', 1, {mape}, {_sql(mae)},"
        f" {_sql(rmse)}, {inside}, '2024-10-28 22:00')"
        for (series, day), (mape, mae, rmse, inside) in _SCORES.items()
    )


def _sql(millions: float | None) -> str:
    return "NULL" if millions is None else str(int(millions * _MEGA))
