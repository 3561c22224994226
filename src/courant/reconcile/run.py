"""One data set reconciled: every layer that exists, against the one that it is made from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession

from courant.domain.contract import Contract
from courant.reconcile.found import LayerFound, Reconciliation
from courant.reconcile.gold import Gold, compare_gold, read_gold
from courant.reconcile.mongo import Published, compare_mongo, read_published
from courant.reconcile.records import to_judged_records
from courant.reconcile.silver import Silver, compare_silver, read_silver
from courant.reconcile.stream import SinksCompared, compare_sinks, read_sinks
from courant.reconcile.unsettled import unsettled_days
from courant.settings import Settings
from courant.stores import delta


def reconcile(spark: SparkSession, settings: Settings, contract: Contract) -> Reconciliation:
    """Compare Kafka, bronze, MySQL, silver, gold and MongoDB for one data set, at one version of each table.

    Returns
    -------
    Reconciliation
        Counts and differing days; what a layer has not taken yet is lag. A layer that was never made is left out.

    Raises
    ------
    KafkaDownError, MySQLDownError, MongoDownError
        If a server does not answer.
    """
    derived = _read_derived(spark, settings, contract)
    sinks = read_sinks(settings, contract)
    if not sinks.have_read:
        return Reconciliation(contract.name, 0, 0, 0, 0, 0, 0, 0, 0, sinks.lag)
    bronze = delta.read_bronze(spark, delta.bronze_path(settings.lake.root, contract.name))
    judged = bronze.transform(to_judged_records(contract)).persist(StorageLevel.MEMORY_AND_DISK)
    try:
        compared = compare_sinks(spark, settings, contract, judged, sinks)
        layers = derived.compare(spark, settings, contract, judged, compared)
        return replace(compared.found, layers=tuple(layers))
    finally:
        judged.unpersist()


@dataclass(frozen=True, slots=True)
class _Derived:
    """The layers behind the sinks, as far as they exist."""

    silver: Silver | None
    gold: Gold | None
    published: Published | None

    def compare(
        self,
        spark: SparkSession,
        settings: Settings,
        contract: Contract,
        judged: DataFrame,
        compared: SinksCompared,
    ) -> list[LayerFound]:
        """Hold each against the one before it."""
        if self.silver is None:
            return []
        found = [compare_silver(contract, judged, self.silver)]
        if self.gold is None:
            return found
        of_gold = compare_gold(settings, contract, self.gold)
        found.append(of_gold)
        if self.published is not None:
            pending = self.gold.pending(delta.silver_path(settings.lake.root, contract.name))
            if pending is not None:
                unsettled = unsettled_days(spark, contract, judged, compared, self.silver)
                unsettled |= {date.fromisoformat(one.day) for one in of_gold.days}  # says nothing of MongoDB
                unsettled |= pending | self.published.pending(spark, settings, contract)
                found.append(compare_mongo(self.gold, self.published, unsettled=unsettled))
        return found


def _read_derived(spark: SparkSession, settings: Settings, contract: Contract) -> _Derived:
    """Read the last layer first: none can be ahead of what is read after it."""
    published = read_published(settings, contract)
    gold = read_gold(settings, contract)
    return _Derived(read_silver(spark, settings, contract), gold, published)
