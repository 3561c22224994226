"""What the daily model leaves in MongoDB: a day's forecast a document, and the segments of load curves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from pymongo import ReplaceOne

from courant.stores.mongo import Document, MongoDatabase

FORECASTS, SEGMENTS = "forecasts", "segments"
_WRITTEN_AT_ONCE = 1000


def write_forecasts(database: MongoDatabase, documents: Iterable[Document]) -> None:
    """Put forecasts in the place of those with their `_id`."""
    replaced = [ReplaceOne({"_id": document["_id"]}, document, upsert=True) for document in documents]
    for start in range(0, len(replaced), _WRITTEN_AT_ONCE):
        database[FORECASTS].bulk_write(replaced[start : start + _WRITTEN_AT_ONCE], ordered=False)


def read_forecasts(database: MongoDatabase, series: str, *, days: Iterable[date]) -> list[Document]:
    """Give a series' forecasts of Paris days."""
    among = {"$in": [day.isoformat() for day in days]}
    return list(database[FORECASTS].find({"series": series, "day": among}))


def replace_segments(database: MongoDatabase, dataset: str, documents: Sequence[Document]) -> None:
    """Put a data set's segments in the place of the earlier ones, of which there may have been more."""
    for document in documents:
        database[SEGMENTS].replace_one({"_id": document["_id"]}, document, upsert=True)
    kept = {"$in": [document["_id"] for document in documents]}
    database[SEGMENTS].delete_many({"dataset": dataset, "_id": {"$not": kept}})
