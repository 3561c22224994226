"""A layer made anew, whole or some days of it: silver and MySQL from bronze, gold from silver, MongoDB from MySQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Literal

from pyspark.sql import SparkSession

from courant.batch import gold, publish
from courant.batch.half_hours import open_half_hours
from courant.batch.make_documents import daily_collections
from courant.batch.rebuild_mysql import rebuild_mysql
from courant.batch.rebuild_parts import Days, RebuildRun
from courant.batch.rebuild_silver import rebuild_silver
from courant.domain.contract import Contract
from courant.settings import Settings
from courant.stores import delta, delta_changes
from courant.transforms.gold import recipes

Layer = Literal["silver", "gold", "mysql", "mongo"]
LAYERS: tuple[Layer, ...] = ("silver", "gold", "mysql", "mongo")
Document = dict[str, dict[str, Any]]


def rebuild(
    spark: SparkSession,
    settings: Settings,
    contracts: Sequence[Contract],
    *,
    layer: Layer,
    days: Days | None = None,
) -> Document:
    """Make a layer of data sets anew; without days, all of it.

    Returns
    -------
    dict
        Plain values: per data set, what was made.
    """
    if layer == "gold":
        return rebuild_gold(spark, settings, contracts, days)
    if layer == "mongo":
        return rebuild_mongo(spark, settings, contracts, days)
    of_one = rebuild_silver if layer == "silver" else rebuild_mysql
    return _to_document([of_one(spark, settings, contract, days) for contract in contracts])


def rebuild_gold(
    spark: SparkSession, settings: Settings, contracts: Sequence[Contract], days: Days | None = None
) -> Document:
    """Make gold anew from silver; of a whole rebuild, days that silver no longer has are removed."""
    if days is None:
        for contract in contracts:
            for table in {recipe.table for recipe in recipes(contract)}:
                delta_changes.forget_source(delta.gold_path(settings.lake.root, table), contract.name)
    return gold.to_document(gold.build_gold(spark, settings, list(contracts), days=days))


def rebuild_mongo(
    spark: SparkSession, settings: Settings, contracts: Sequence[Contract], days: Days | None = None
) -> Document:
    """Write the documents anew from MySQL, then delete those of the same days that nothing stands behind."""
    document: Document = {}
    for contract in contracts:
        if daily_collections(contract):
            chosen = _days_in_mysql(spark, settings, contract) if days is None else set(days)
            runs = publish.publish(spark, settings, [contract], source="mysql", days=chosen)
            deleted = sum(publish.delete_stale(settings, contract, run, days=days) for run in runs)
            document |= {name: one | {"deleted": deleted} for name, one in publish.to_document(runs).items()}
    return document


def _days_in_mysql(spark: SparkSession, settings: Settings, contract: Contract) -> set[date]:
    with open_half_hours(spark, settings, "mysql") as half_hours:
        return half_hours.changes(contract, None)[0]


def _to_document(runs: list[RebuildRun]) -> Document:
    return {
        run.dataset: {"rows": run.rows, "rejects": run.rejects, "seconds": round(run.seconds, 2)}
        for run in runs
    }
