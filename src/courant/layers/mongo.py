"""How the published documents stand."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from courant.batch.make_documents import daily_collections
from courant.domain.calendar import SLOT_MINUTES
from courant.domain.contract import Contract
from courant.errors import CourantError
from courant.layers.lake import Measured
from courant.settings import Settings
from courant.stores import delta, delta_changes, mongo
from courant.stores.delta_changes import TableVersion
from courant.stores.mysql.connection import session
from courant.stores.mysql.day_changes import Batch, read_changes
from courant.transforms.gold import recipes


def read_documents(settings: Settings, contracts: Iterable[Contract]) -> dict[str, Measured]:
    """Count the daily documents of data sets that have any, and find the newest slot and the days not published.

    Raises
    ------
    MongoDownError, AccessDeniedError, SettingsError
        If the server cannot be asked.
    """
    chosen = [contract for contract in contracts if daily_collections(contract)]
    with mongo.session(settings) as database:
        return {contract.name: _documents(settings, database, contract) for contract in chosen}


def _documents(settings: Settings, database: mongo.MongoDatabase, contract: Contract) -> Measured:
    mark = mongo.read_mark(database, contract.name)
    if not mark.revision:
        return Measured(lag_unit="days")
    documents = database[daily_collections(contract)[0]]
    own = {"dataset": contract.name}
    newest = documents.find_one(own, {"fresh_until_utc": 1}, sort=[("day", -1), ("fresh_until_utc", -1)])
    last_slot = newest["fresh_until_utc"] - timedelta(minutes=SLOT_MINUTES) if newest else None
    lags = [_lag(settings, contract, source, read.get(contract.name)) for source, read in mark.read.items()]
    known = [lag for lag in lags if lag is not None]
    return Measured(documents.count_documents(own), last_slot, min(known, default=None), "days")


def _lag(settings: Settings, contract: Contract, source: str, since: mongo.Document | None) -> int | None:
    """Count the days that changed in a source since it was published from; None where that is not known."""
    if since is None:
        return None
    days = (
        _lake_days(settings, contract, since) if source == "lake" else _mysql_days(settings, contract, since)
    )
    return None if days is None else len(days)


def _lake_days(settings: Settings, contract: Contract, since: mongo.Document) -> set[object] | None:
    lake = settings.lake.root
    made_of = delta_changes.read_sources(delta.gold_path(lake, recipes(contract)[0].table)).get(contract.name)
    if made_of is None:
        return None
    silver = delta.silver_path(lake, contract.name)
    found = delta_changes.changed_dates(silver, "paris_day", since=TableVersion(**since), until=made_of)
    return None if found is None else set(found)


def _mysql_days(settings: Settings, contract: Contract, since: mongo.Document) -> set[object] | None:
    try:
        with session(settings, "reader") as connection:
            found = read_changes(connection, contract.name, Batch(**since)).days
    except CourantError:  # MySQL's own line says it
        return None
    return None if found is None else set(found)
