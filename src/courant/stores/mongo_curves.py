"""Documents as people explore them: load curves by day, region and profile, and their segments."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date

from pymongo import ASCENDING

from courant.stores.mongo import Document, MongoDatabase
from courant.stores.mongo_forecasts import SEGMENTS

CURVES = "daily_curves"


@dataclass(frozen=True, slots=True)
class Choices:
    """What there is to choose from of a data set."""

    days: tuple[date, ...]
    regions: tuple[tuple[str, str], ...]  # code and name
    profiles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which curves of a data set are meant; None means all."""

    dataset: str
    region_code: str | None = None
    profile: str | None = None

    def as_query(self) -> Document:
        """Give the fields that must have these values."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def curve_datasets(database: MongoDatabase) -> list[str]:
    """Name the data sets that have curves."""
    return sorted(str(name) for name in database[CURVES].distinct("dataset"))


def choices(database: MongoDatabase, dataset: str) -> Choices:
    """Give the days, regions and profiles of a data set that has documents."""
    of = {"dataset": dataset}
    grouped = database[CURVES].aggregate(
        [{"$match": of}, {"$group": {"_id": {"code": "$region_code", "name": "$region"}}}]
    )
    regions = sorted((row["_id"]["code"], row["_id"]["name"]) for row in grouped)
    return Choices(
        tuple(sorted(date.fromisoformat(day) for day in database[CURVES].distinct("day", of))),
        tuple(regions),
        tuple(sorted(str(name) for name in database[CURVES].distinct("profile", of))),
    )


def curves(database: MongoDatabase, chosen: Chosen, *, first: date, last: date) -> list[Document]:
    """Give the documents of days, both included."""
    days = {"$gte": first.isoformat(), "$lte": last.isoformat()}
    shown = {"_id": 0, "day": 1, "region": 1, "region_code": 1, "profile": 1, "slots": 1, "energy_wh": 1,
             "peak_wh": 1, "sites": 1, "is_complete": 1}  # fmt: skip
    return list(database[CURVES].find(chosen.as_query() | {"day": days}, shown).sort([("day", ASCENDING)]))


def energy_by_day(database: MongoDatabase, chosen: Chosen) -> list[Document]:
    """Add up the energy of each day there is: `day` and `energy_wh`."""
    grouped = {"_id": "$day", "energy_wh": {"$sum": "$energy_wh"}}
    rows = database[CURVES].aggregate(
        [{"$match": chosen.as_query()}, {"$group": grouped}, {"$sort": {"_id": 1}}]
    )
    return [{"day": row["_id"], "energy_wh": row["energy_wh"]} for row in rows]


def read_segments(database: MongoDatabase) -> list[Document]:
    """Give the segments of load curves, by data set and number."""
    return list(database[SEGMENTS].find().sort([("dataset", ASCENDING), ("segment", ASCENDING)]))


def actual_curves(database: MongoDatabase, series: str, days: list[date]) -> dict[date, list[float | None]]:
    """Give what happened: a series' load by slot, of the days that are there."""
    among = {"$in": [day.isoformat() for day in days]}
    found = database["features_daily"].find({"series": series, "day": among}, {"day": 1, "load_w": 1})
    return {date.fromisoformat(one["day"]): one["load_w"] for one in found}
