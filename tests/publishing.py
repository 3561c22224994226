"""What the tests of the publisher share: documents as bytes, and records on their way to both sources."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import bson
import polars as pl
from pymongo import MongoClient

from courant.domain.contract import Contract
from courant.domain.enedis import generate_days
from courant.domain.message import to_messages
from courant.settings import Settings

COLLECTIONS = ("daily_curves", "daily_balance", "features_daily", "kpi_latest")


def documents(settings: Settings, collection: str) -> dict[str, dict[str, Any]]:
    """Read a collection with a plain client, by `_id`."""
    with MongoClient[dict[str, Any]](settings.mongo.uri, tz_aware=True) as client:
        found = list(client[settings.mongo.database][collection].find())
    assert len({document["_id"] for document in found}) == len(found), f"{collection} has an id twice"
    return {document["_id"]: document for document in found}


def all_bytes(settings: Settings) -> dict[str, dict[str, bytes]]:
    """Read every document as its bytes, by collection and `_id`."""
    return {
        collection: {key: bson.encode(document) for key, document in documents(settings, collection).items()}
        for collection in COLLECTIONS
    }


def empty(settings: Settings) -> None:
    """Delete all that was published and remembered; the embedded server forgets that it dropped a database."""
    with MongoClient[dict[str, Any]](settings.mongo.uri) as client:
        database = client[settings.mongo.database]
        for collection in database.list_collection_names():
            database[collection].delete_many({})


def generated(contract: Contract, first_day: date, days: int, **regions: list[str]) -> pl.DataFrame:
    """Generate messages of whole days; columns key and value."""
    rows = pl.concat(list(generate_days(contract.name, start=first_day, days=days, seed=7, **regions)))
    return to_messages(rows.with_columns(pl.all().cast(pl.String)), contract, shift=timedelta(0)).select(
        "key", "value"
    )
