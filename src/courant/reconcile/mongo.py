"""Gold and MongoDB: each Paris day has its documents, and their energy is gold's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import cast

from pyspark.sql import SparkSession

from courant.batch.half_hours import SourceName, open_half_hours
from courant.domain.contract import Contract
from courant.reconcile.days import compare_sums
from courant.reconcile.found import LayerFound
from courant.reconcile.gold import QUARTERS, Gold
from courant.settings import Settings
from courant.stores import mongo
from courant.stores.mysql.checks import DaySum
from courant.transforms import documents
from courant.transforms.gold_balance import LOAD


@dataclass(frozen=True, slots=True)
class Published:
    """A data set's documents, added up by day, and how far its publishers have read."""

    sums: dict[date, DaySum]  # keys: documents; checksum: energy in quarters of a watt-hour
    mark: mongo.Mark

    def pending(self, spark: SparkSession, settings: Settings, contract: Contract) -> set[date]:
        """Give the Paris days that changed since, in each of the sources that were ever published from."""
        changed = []
        for source, read in self.mark.read.items():
            with open_half_hours(spark, settings, cast("SourceName", source)) as half_hours:
                changed.append(half_hours.changes(contract, read.get(contract.name))[0])
        return set.intersection(*changed) if changed else set()


def read_published(settings: Settings, contract: Contract) -> Published | None:
    """Add up the documents as they are now; None where none were ever published.

    Raises
    ------
    MongoDownError
        If there is an address, but no server answers.
    """
    if not settings.mongo.uri:
        return None
    is_balance = contract.table == "balance"
    collection, energy = (documents.BALANCES, f"{LOAD}_wh") if is_balance else (documents.CURVES, "energy_wh")
    with mongo.session(settings) as database:
        mark = mongo.read_mark(database, contract.name)
        found = mongo.daily_sums(database, collection, contract.name, energy) if mark.read else {}
    sums = {day: DaySum(one.documents, round(QUARTERS * (one.energy_wh or 0))) for day, one in found.items()}
    return Published(sums, mark) if mark.read else None


def compare_mongo(gold: Gold, published: Published, *, unsettled: set[date]) -> LayerFound:
    """Compare documents with gold, but for the days that one of both has not taken yet."""
    expected = {day: one for day, one in gold.documents.items() if day not in unsettled}
    found = {day: one for day, one in published.sums.items() if day not in unsettled}
    differ = compare_sums("mongo", expected, found)
    return LayerFound(
        "mongo",
        rows=sum(one.keys for one in published.sums.values()),
        missing=differ.missing,
        doubled=differ.doubled,
        stale_days=differ.stale,
        lag=len(unsettled),
        days=tuple(differ.days),
    )
