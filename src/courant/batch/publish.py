"""Aggregates for the dashboard and the models: the days that changed become documents in MongoDB."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession

from courant.batch.half_hours import HalfHours, Position, SourceName, open_half_hours
from courant.batch.make_documents import daily_collections, daily_documents, newest_document
from courant.domain.contract import Contract, load_contracts
from courant.errors import AnotherWriterError, ContractError
from courant.settings import Settings
from courant.stores import mongo
from courant.stores.mongo_spark import write_documents
from courant.transforms import documents

log = logging.getLogger(__name__)

_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class PublishRun:
    """What one run did for one data set."""

    dataset: str
    source: SourceName
    days: tuple[date, ...] = ()  # Paris days that documents were written of
    ids: dict[str, set[str]] = field(default_factory=dict, repr=False)  # of the documents, by collection
    seconds: float = 0.0


def publish(
    spark: SparkSession,
    settings: Settings,
    contracts: Iterable[Contract],
    *,
    source: SourceName,
    days: Iterable[date] | None = None,
) -> list[PublishRun]:
    """Write the documents of data sets, and remember how far that is.

    A run that is killed has remembered nothing; the next one writes the same documents again.

    Parameters
    ----------
    contracts
        Those of other tables than the balance and the consumption have no documents and are passed over.
    days
        Paris days; if left out, those that changed in the source since the last publish from it.

    Raises
    ------
    MongoDownError, MySQLDownError, AccessDeniedError
        If a server is away or refuses the account.
    AnotherWriterError
        If other publishers never let this one finish.
    """
    chosen = None if days is None else tuple(sorted(set(days)))
    with mongo.session(settings) as database:
        mongo.ensure_indexes(database)
        work = _Work(spark, settings, database, source, chosen)
        return [work.publish(contract) for contract in contracts if _has_documents(contract)]


def delete_stale(
    settings: Settings, contract: Contract, run: PublishRun, *, days: Iterable[date] | None = None
) -> int:
    """Delete the data set's documents of Paris days (None: of all) that the run did not write; give their number."""
    with mongo.session(settings) as database:
        stale = stale_ids(database, contract, run, days=days)
        return sum(mongo.delete_documents(database, collection, ids) for collection, ids in stale.items())


def stale_ids(
    database: mongo.MongoDatabase, contract: Contract, run: PublishRun, *, days: Iterable[date] | None = None
) -> dict[str, list[str]]:
    """Give, by collection, the ids of the data set's documents of Paris days that the run did not write."""
    chosen = None if days is None else set(days)
    return {
        collection: mongo.other_ids(
            database, collection, contract.name, days=chosen, than=run.ids.get(collection, set())
        )
        for collection in daily_collections(contract)
    }


def to_document(runs: list[PublishRun]) -> dict[str, Any]:
    """Give plain values: per data set the days, the number of documents by collection, and the time it took."""
    return {
        run.dataset: {
            "source": run.source,
            "days": [day.isoformat() for day in run.days],
            "documents": {collection: len(ids) for collection, ids in sorted(run.ids.items())},
            "seconds": round(run.seconds, 2),
        }
        for run in runs
    }


@dataclass(frozen=True, slots=True)
class _Work:
    """One call of `publish`."""

    spark: SparkSession
    settings: Settings
    database: mongo.MongoDatabase
    source: SourceName
    days: tuple[date, ...] | None

    def publish(self, contract: Contract) -> PublishRun:
        """Publish one data set; again where another publisher was at it in the meantime, as one may hold old values."""
        started = time.monotonic()
        for _ in range(_ATTEMPTS):
            before = mongo.read_mark(self.database, contract.name)
            run, read = self._attempt(contract, before)
            run = replace(run, seconds=time.monotonic() - started)
            if not run.ids:
                return run
            if mongo.advance_mark(self.database, contract.name, before, read):
                mongo.keep_run(self.database, to_document([run])[contract.name] | {"dataset": contract.name})
                return run
            log.info("%s: another publisher was at work, too; publishing again", contract.name)
        raise AnotherWriterError(
            f"Other publishers wrote documents of {contract.name} in each of {_ATTEMPTS} attempts",
            remedy="wait until they end, then run this again",
        )

    def _attempt(self, contract: Contract, before: mongo.Mark) -> tuple[PublishRun, mongo.Document]:
        balance = _balance(contract, self.settings)
        with open_half_hours(self.spark, self.settings, self.source) as half_hours:
            known = before.read.get(self.source, {})
            inputs = {one.name: one for one in (contract, balance)}.values()
            days, read = _changes(half_hours, inputs, known) if self.days is None else (self.days, known)
            ids = self._write(half_hours, contract, balance, days)
        written = sorted({date.fromisoformat(each[:10]) for each in ids.get(documents.FEATURES, ())})
        return PublishRun(contract.name, self.source, tuple(written), ids), {self.source: read}

    def _write(
        self, half_hours: HalfHours, contract: Contract, balance: Contract, days: Sequence[date]
    ) -> dict[str, set[str]]:
        ids: dict[str, set[str]] = {}
        for part in _parts(days, half_hours.days_at_once):
            daily = daily_documents(self.spark, half_hours, contract, balance, part)
            for collection, found in daily.items():
                ids.setdefault(collection, set()).update(self._write_one(found, collection))
        if any(ids.values()):
            newest = newest_document(half_hours, contract)
            ids[documents.LATEST] = self._write_one(newest, documents.LATEST)
        return ids

    def _write_one(self, found: DataFrame, collection: str) -> set[str]:
        kept = found.persist(StorageLevel.MEMORY_AND_DISK)
        try:
            write_documents(self.settings, kept, collection)
            return set(kept.select("_id").toArrow()["_id"].to_pylist())
        finally:
            kept.unpersist()


def _has_documents(contract: Contract) -> bool:
    if not daily_collections(contract):
        log.info("%s: no documents are made of the table %s", contract.name, contract.table)
    return bool(daily_collections(contract))


def _balance(contract: Contract, settings: Settings) -> Contract:
    """Find the contract that the weather comes from."""
    known = [contract, *load_contracts(settings.contracts_dir).values()]
    found = [one for one in known if one.table == "balance"]
    if not found:
        raise ContractError(
            f"The documents of {contract.name} have the balance's weather, but no contract has that table",
            remedy=f"put balance.odcs.yaml into {settings.contracts_dir}",
        )
    return found[0]


def _changes(
    half_hours: HalfHours, contracts: Iterable[Contract], known: dict[str, Position]
) -> tuple[list[date], dict[str, Position | None]]:
    """Give the days of which a data set or its weather changed, and how far each was read."""
    found = {one.name: half_hours.changes(one, known.get(one.name)) for one in contracts}
    days = sorted({day for changed, _ in found.values() for day in changed})
    return days, {name: position for name, (_, position) in found.items()}


def _parts(days: Sequence[date], size: int) -> Iterator[Sequence[date]]:
    for start in range(0, len(days), size):
        yield days[start : start + size]
