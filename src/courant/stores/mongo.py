"""MongoDB: documents written from Spark, the marks of what was published, and what reconcile counts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from pymongo import ASCENDING, MongoClient
from pymongo.database import Database
from pymongo.errors import (
    ConfigurationError,
    ConnectionFailure,
    DuplicateKeyError,
    InvalidURI,
    OperationFailure,
    PyMongoError,
)

from courant.errors import AccessDeniedError, CourantError, MongoDownError, SettingsError
from courant.settings import Settings

Document = dict[str, Any]
MongoDatabase = Database[Document]
RUNS, MARKS = "publish_runs", "publish_marks"

#: For the dashboard's queries and for reconcile's: the last field is a range or an order, those before are compared.
INDEXES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "daily_curves": (
        ("dataset", "region_code", "profile", "day"),  # a curve
        ("dataset", "profile", "day"),  # a calendar of all regions
        ("dataset", "day"),  # a ranking of regions
    ),
    "daily_balance": (("day",),),
    "features_daily": (("series", "day"), ("dataset", "day")),
    "forecasts": (("dataset", "day"), ("series", "day")),
    RUNS: (("dataset", "finished_at_utc"),),
}

_NOT_ALLOWED = {13, 18, 8000}  # Unauthorized, AuthenticationFailed, and the hosted service's own
_DELETED_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Mark:
    """How far publishers have come with one data set."""

    revision: int  # one higher with each publish; 0 before the first
    read: Document  # by source, what its publisher has read up to


@dataclass(frozen=True, slots=True)
class DaySum:
    """One day's documents of a data set."""

    documents: int
    energy_wh: float


@contextmanager
def session(settings: Settings) -> Iterator[MongoDatabase]:
    """Open the database, once the server has answered, and close the client in any case.

    Raises
    ------
    MongoDownError, AccessDeniedError, SettingsError
        If no server answers within `mongo.timeout_s`, it refuses the account, or the address is none.
    """
    with translated(settings), _client(settings) as client:
        client.admin.command("ping")
        yield client[settings.mongo.database]


def ensure_indexes(database: MongoDatabase) -> None:
    """Make the indexes that are not there."""
    for collection, indexes in INDEXES.items():
        for fields in indexes:
            database[collection].create_index([(field, ASCENDING) for field in fields])


def read_mark(database: MongoDatabase, dataset: str) -> Mark:
    """Give how far the data set was published."""
    found = database[MARKS].find_one({"_id": dataset})
    return Mark(found["revision"], found["read"]) if found else Mark(0, {})


def advance_mark(database: MongoDatabase, dataset: str, before: Mark, read: Document) -> bool:
    """Set how far the data set was published, unless another publisher did since `before` was read.

    Returns
    -------
    Whether it was set. If not, the other's documents and ours may have overwritten each other.
    """
    after = {"revision": before.revision + 1, "read": before.read | read}
    if before.revision:
        found = database[MARKS].update_one({"_id": dataset, "revision": before.revision}, {"$set": after})
        return found.matched_count == 1
    try:
        database[MARKS].insert_one({"_id": dataset, **after})
    except DuplicateKeyError:
        return False
    return True


def keep_run(database: MongoDatabase, run: Document) -> None:
    """Keep what a publish did, with the time of its end."""
    database[RUNS].insert_one(run | {"finished_at_utc": datetime.now(UTC)})


def other_ids(
    database: MongoDatabase,
    collection: str,
    dataset: str,
    *,
    days: Collection[date] | None,
    than: Collection[str],
) -> list[str]:
    """Give the ids of a data set's documents of Paris days (None: of all) that are not among those of `than`."""
    found = database[collection].find(_of(dataset, days), {"_id": 1})
    return sorted({document["_id"] for document in found}.difference(than))


def delete_documents(database: MongoDatabase, collection: str, ids: list[str]) -> int:
    """Delete documents by id; give how many were there."""
    parts = [ids[start : start + _DELETED_AT_ONCE] for start in range(0, len(ids), _DELETED_AT_ONCE)]
    return sum(database[collection].delete_many({"_id": {"$in": part}}).deleted_count for part in parts)


def daily_sums(database: MongoDatabase, collection: str, dataset: str, energy: str) -> dict[date, DaySum]:
    """Count a data set's documents of each day, and add up one of their fields, for reconcile."""
    added = {"_id": "$day", "documents": {"$sum": 1}, "energy_wh": {"$sum": f"${energy}"}}
    rows = database[collection].aggregate([{"$match": _of(dataset, None)}, {"$group": added}])
    return {date.fromisoformat(row["_id"]): DaySum(int(row["documents"]), row["energy_wh"]) for row in rows}


@contextmanager
def translated(settings: Settings) -> Iterator[None]:
    """Turn pymongo's errors of connection and account into ours; any other passes."""
    try:
        yield
    except PyMongoError as error:
        ours = _translate(error, settings)
        if ours is None:
            raise
        raise ours from error


def server_down(settings: Settings, found: str) -> MongoDownError:
    """Say that no server answers."""
    return MongoDownError(
        f"MongoDB does not answer at {_where(settings)}: {found}",
        remedy="run `courant up` (`courant status` shows what runs), or correct COURANT_MONGO_URI; "
        "nothing was noted as published, the next run catches up",
    )


def _of(dataset: str, days: Collection[date] | None) -> Document:
    chosen = {} if days is None else {"day": {"$in": [day.isoformat() for day in sorted(days)]}}
    return {"dataset": dataset} | chosen


def _client(settings: Settings) -> MongoClient[Document]:
    if not settings.mongo.uri:
        raise SettingsError(
            "No MongoDB address is known", remedy="run `courant up`, or set COURANT_MONGO_URI"
        )
    timeout_ms = int(settings.mongo.timeout_s * 1000)
    return MongoClient(
        settings.mongo.uri,
        serverSelectionTimeoutMS=timeout_ms,
        connectTimeoutMS=timeout_ms,
        tz_aware=True,
        appname="courant",
    )


def _translate(error: PyMongoError, settings: Settings) -> CourantError | None:
    if isinstance(error, ConfigurationError | InvalidURI):
        return SettingsError(f"The address of MongoDB is none: {error}", remedy="correct COURANT_MONGO_URI")
    if isinstance(error, ConnectionFailure):
        return server_down(settings, str(error).split(",", maxsplit=1)[0])
    if isinstance(error, OperationFailure) and error.code in _NOT_ALLOWED:
        return AccessDeniedError(
            f"MongoDB at {_where(settings)} refused the account: {(error.details or {}).get('errmsg', error)}",
            remedy="correct the user and the password in COURANT_MONGO_URI",
        )
    return None


def _where(settings: Settings) -> str:
    """Give hosts and ports of the address, without its password."""
    return settings.mongo.uri.rpartition("@")[2].partition("//")[2] or settings.mongo.uri.rpartition("@")[2]
