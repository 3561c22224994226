"""The views of half hours, for tools that read tables as they are: the values `aggregates.py` gives a day at a time.

`VIEW_half_hour` is made for the data sets that gold makes half hours of: fact tables `balance` and `consumption`.
"""

from __future__ import annotations

from courant.domain.calendar import SLOT_MINUTES
from courant.domain.contract import Contract, FieldType

ENERGY, SITES = "total_energie_soutiree_wh", "nb_points_soutirage"
_SERIES = "CONCAT_WS('|', `segment`.dataset, f.region_code, `profile`.profil)"  # as forecasts name a series


def half_hour_view_name(contract: Contract) -> str | None:
    """Name the view of half hours; None for a data set that has none."""
    wanted = {"balance": set[str](), "consumption": {ENERGY, SITES}}.get(contract.table)
    if wanted is None or not wanted <= {field.name for field in contract.fields}:
        return None
    return f"{contract.view}_half_hour"


def half_hour_view(contract: Contract, joins: str) -> str | None:
    """Write the statement that makes the view; None for a data set that has none.

    Of the balance: the mean of each number over the half hour's steps, and `steps`. Of consumption: by data set,
    region and profile `energy_wh` (the greater of `totals_wh` and `parts_wh`), `sites`, `segments`, `masked`.

    Parameters
    ----------
    joins
        From the fact `f` through its dimensions, as `schema.joined_dimensions` gives them.
    """
    name = half_hour_view_name(contract)
    if name is None:
        return None
    select = _balance(contract) if contract.table == "balance" else _consumption(contract, joins)
    return f"CREATE OR REPLACE SQL SECURITY INVOKER VIEW `{name}` AS {select}"


def by_kind(value: str, totals: str, parts: str) -> str:
    """Add up a value of totals and one of parts, each null where all of its rows are."""
    return (
        f"SUM(IF(`power_range`.is_total, {value}, NULL)) AS {totals},"
        f" SUM(IF(`power_range`.is_total, NULL, {value})) AS {parts}"
    )


def greater(one: str, other: str) -> str:
    """Write the greater of two values, the other one where one is null: a total is at least the sum of its parts."""
    return f"GREATEST(COALESCE({one}, {other}), COALESCE({other}, {one}))"


def _balance(contract: Contract) -> str:
    start = f"f.slot_start_utc - INTERVAL (MINUTE(f.slot_start_utc) MOD {SLOT_MINUTES}) MINUTE"
    numbers = [f for f in contract.measures if f.type in {FieldType.INTEGER, FieldType.DECIMAL}]
    means = "".join(
        f", CAST(AVG(f.`{f.column}`) AS DECIMAL(24, {f.scale + 1})) AS `{f.column}`" for f in numbers
    )
    return f"SELECT {start} AS slot_start_utc, COUNT(*) AS steps{means} FROM `{contract.table}` f GROUP BY {start}"


def _consumption(contract: Contract, joins: str) -> str:
    key = "f.slot_start_utc, `segment`.dataset, f.region_code, `profile`.profil"
    counts = f"COUNT(*) AS segments, SUM(f.{ENERGY} IS NULL) AS masked"
    energy, sites = greater("totals_wh", "parts_wh"), greater("total_sites", "part_sites")
    whole = {
        "energy_wh": energy,
        "totals_wh": "totals_wh",
        "parts_wh": "parts_wh",
        "sites": sites,
        "masked": "masked",
    }
    # Sums of integers are decimals to MySQL; tools read integers as such.
    columns = ", ".join(f"CAST({value} AS SIGNED) AS {name}" for name, value in whole.items())
    return (
        f"SELECT slot_start_utc, series, dataset, region_code, profil, {columns}, segments FROM ("
        f"SELECT {key}, {_SERIES} AS series, {by_kind(f'f.{ENERGY}', 'totals_wh', 'parts_wh')},"
        f" {by_kind(f'f.{SITES}', 'total_sites', 'part_sites')}, {counts}"
        f" FROM `{contract.table}` f {joins} GROUP BY {key}) s"
    )
