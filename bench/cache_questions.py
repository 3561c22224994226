"""The dashboard's five main questions, each asked of MySQL's views and of MongoDB's documents; both give one answer.

MySQL is asked as one would in a BI tool: totals only, so that no row is added to its parts. It is winter, so a
Paris day begins an hour before a UTC day.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from courant.domain.calendar import day_bounds_utc, paris_day
from courant.stores.mongo import MongoDatabase
from courant.stores.mysql.connection import LoadConnection, query

CONSUMPTION = "consumption_inf36"
ENERGIES = (
    "consommation_totale", "production_totale", "injection_rte", "soutirage_rte", "soutirage_vers_autres_grd",
    "pertes", "production_photovoltaique", "production_eolien", "production_cogeneration", "production_autre",
)  # fmt: skip
_ENERGY = "total_energie_soutiree_wh"
_PARIS_DAY = "DATE(slot_start_utc + INTERVAL 1 HOUR)"
_SLOT = "TIME_TO_SEC(TIME(slot_start_utc + INTERVAL 1 HOUR)) DIV 1800 + 1"
_IN_SPAN = "slot_start_utc >= %s AND slot_start_utc < %s"
_TOTALS = f"FROM v_consumption WHERE {_IN_SPAN} AND dataset = '{CONSUMPTION}' AND is_total"
Answer = Any


@dataclass(frozen=True, slots=True)
class Asked:
    """What one question is about; drawn anew for each."""

    region: str
    profile: str
    nth_day: int  # of the days that are there, from 0
    first_day: date
    days: int

    @property
    def day(self) -> date:
        """The one day."""
        return self.first_day + timedelta(days=self.nth_day)

    @property
    def day_utc(self) -> tuple[datetime, datetime]:
        """The limits of the one day."""
        return day_bounds_utc(self.day)

    @property
    def span_utc(self) -> tuple[datetime, datetime]:
        """The limits of all days."""
        return day_bounds_utc(self.first_day)[0], day_bounds_utc(self.last_day)[1]

    @property
    def last_day(self) -> date:
        """The last of all days."""
        return self.first_day + timedelta(days=self.days - 1)

    @property
    def days_text(self) -> dict[str, str]:
        """The condition on all days in MongoDB."""
        return {"$gte": self.first_day.isoformat(), "$lte": self.last_day.isoformat()}


@dataclass(frozen=True, slots=True)
class Question:
    """One question in both languages."""

    text: str
    mysql: Callable[[LoadConnection, Asked], Answer]
    mongo: Callable[[MongoDatabase, Asked], Answer]


def _latest_of_mysql(mysql: LoadConnection, asked: Asked) -> Answer:  # noqa: ARG001
    sql = (
        "SELECT slot_start_utc, consommation_totale AS w FROM v_balance ORDER BY slot_start_utc DESC LIMIT 2"
    )
    newest = query(mysql, sql)
    day = paris_day(newest[0]["slot_start_utc"].replace(tzinfo=UTC))
    sql = f"SELECT region_code, SUM({_ENERGY}) AS wh {_TOTALS} GROUP BY region_code"
    rows = query(mysql, sql, day_bounds_utc(day))
    return sum(row["w"] for row in newest) / 2, {row["region_code"]: int(row["wh"]) for row in rows}


def _latest_of_mongo(mongo: MongoDatabase, asked: Asked) -> Answer:  # noqa: ARG001
    found = {document["_id"]: document for document in mongo["kpi_latest"].find()}
    regions = {one["region_code"]: one["energy_wh"] for one in found[CONSUMPTION]["regions"]}
    return found["balance"]["power_w"], regions


def _curve_of_mysql(mysql: LoadConnection, asked: Asked) -> Answer:
    sql = f"SELECT {_ENERGY} AS wh {_TOTALS} AND region_code = %s AND profil = %s ORDER BY slot_start_utc"
    return [row["wh"] for row in query(mysql, sql, (*asked.day_utc, asked.region, asked.profile))]


def _curve_of_mongo(mongo: MongoDatabase, asked: Asked) -> Answer:
    key = f"{asked.day}|{CONSUMPTION}|{asked.region}|{asked.profile}"
    found = mongo["daily_curves"].find_one({"_id": key}, {"slots": 1})
    return found["slots"] if found else []


def _balance_of_mysql(mysql: LoadConnection, asked: Asked) -> Answer:
    """Average to half hours first, as the step may be a quarter; the peak is the day's first highest half hour."""
    means = ", ".join(f"AVG({name}) AS {name}" for name in ENERGIES)
    sums = ", ".join(f"SUM({name}) / 2 AS {name}" for name in ENERGIES)
    sql = (
        f"WITH halves AS (SELECT {_PARIS_DAY} AS day, {_SLOT} AS slot, {means} FROM v_balance WHERE {_IN_SPAN}"
        " GROUP BY 1, 2), ranked AS (SELECT *, ROW_NUMBER() OVER"
        " (PARTITION BY day ORDER BY consommation_totale DESC, slot) AS place FROM halves)"
        f" SELECT day, {sums}, MAX(consommation_totale) AS peak_w, MAX(IF(place = 1, slot, NULL)) AS peak_slot"
        " FROM ranked GROUP BY day"
    )
    rows = query(mysql, sql, asked.span_utc)
    names = (*ENERGIES, "peak_w", "peak_slot")
    return {str(row["day"]): [round(float(row[name]), 2) for name in names] for row in rows}


def _balance_of_mongo(mongo: MongoDatabase, asked: Asked) -> Answer:
    names = (*[f"{name}_wh" for name in ENERGIES], "peak_w", "peak_slot")
    rows = mongo["daily_balance"].find({"day": asked.days_text}, {"day": 1, **dict.fromkeys(names, 1)})
    return {row["day"]: [round(float(row[name]), 2) for name in names] for row in rows}


def _ranking_of_mysql(mysql: LoadConnection, asked: Asked) -> Answer:
    sql = f"SELECT region_code, SUM({_ENERGY}) AS wh {_TOTALS} GROUP BY region_code ORDER BY wh DESC"
    return [(row["region_code"], int(row["wh"])) for row in query(mysql, sql, asked.day_utc)]


def _ranking_of_mongo(mongo: MongoDatabase, asked: Asked) -> Answer:
    of_day = {"dataset": CONSUMPTION, "day": asked.day.isoformat()}
    return _added_up(mongo, of_day, by="region_code", highest_first=True)


def _calendar_of_mysql(mysql: LoadConnection, asked: Asked) -> Answer:
    sql = f"SELECT {_PARIS_DAY} AS day, SUM({_ENERGY}) AS wh {_TOTALS} AND profil = %s GROUP BY 1 ORDER BY 1"
    return [(str(row["day"]), int(row["wh"])) for row in query(mysql, sql, (*asked.span_utc, asked.profile))]


def _calendar_of_mongo(mongo: MongoDatabase, asked: Asked) -> Answer:
    of_profile = {"dataset": CONSUMPTION, "profile": asked.profile, "day": asked.days_text}
    return _added_up(mongo, of_profile, by="day")


def _added_up(
    mongo: MongoDatabase, condition: dict[str, Any], *, by: str, highest_first: bool = False
) -> list[tuple[str, int]]:
    """Add up the documents' energy here: they are few, and less is asked of the server."""
    sums: dict[str, int] = defaultdict(int)
    for row in mongo["daily_curves"].find(condition, {"_id": 0, by: 1, "energy_wh": 1}):
        sums[row[by]] += row["energy_wh"] or 0
    return sorted(sums.items(), key=lambda pair: -pair[1] if highest_first else pair[0])


QUESTIONS = (
    Question("the newest figures", _latest_of_mysql, _latest_of_mongo),
    Question("a region's and profile's curve of a day", _curve_of_mysql, _curve_of_mongo),
    Question("the national balance by day, with its peak", _balance_of_mysql, _balance_of_mongo),
    Question("the regions of a day, ranked", _ranking_of_mysql, _ranking_of_mongo),
    Question("a profile's calendar of all days", _calendar_of_mysql, _calendar_of_mongo),
)
