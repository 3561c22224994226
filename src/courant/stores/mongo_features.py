"""The features that models read from MongoDB, by series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pymongo import ASCENDING, DESCENDING

from courant.stores.mongo import Document, MongoDatabase

FEATURES = "features_daily"


@dataclass(frozen=True, slots=True)
class Series:
    """A curve that is forecast: the national balance, or a region's profile."""

    name: str
    dataset: str
    days: int  # documents that are there


def list_series(database: MongoDatabase, datasets: Sequence[str]) -> list[Series]:
    """List the series of data sets, by name; none where nothing was published."""
    grouped = {"_id": {"name": "$series", "dataset": "$dataset"}, "days": {"$sum": 1}}
    rows = database[FEATURES].aggregate(
        [{"$match": {"dataset": {"$in": list(datasets)}}}, {"$group": grouped}]
    )
    found = [Series(row["_id"]["name"], row["_id"]["dataset"], int(row["days"])) for row in rows]
    return sorted(found, key=lambda series: series.name)


def newest_loads(database: MongoDatabase, series: str, *, days: int) -> list[tuple[tuple[str, int], float]]:
    """Give the half hours of a series' newest days that have a load, in order: (Paris day, slot from 1), and W."""
    newest = database[FEATURES].find({"series": series}, {"day": 1, "load_w": 1}).sort("day", DESCENDING)
    documents = sorted(newest.limit(days), key=lambda document: str(document["day"]))
    return [
        ((document["day"], slot), float(load))
        for document in documents
        for slot, load in enumerate(document["load_w"], start=1)
        if load is not None
    ]


def read_features(database: MongoDatabase, series: str) -> list[Document]:
    """Give a series' documents of `features_daily` by day, the oldest first."""
    return list(database[FEATURES].find({"series": series}, {"_id": 0}).sort("day", ASCENDING))
