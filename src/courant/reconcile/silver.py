"""Bronze and silver: silver and rejects hold what the contract makes of bronze, as far as silver has come."""

from __future__ import annotations

from dataclasses import dataclass

from deltalake import DeltaTable
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from courant.domain.contract import Contract
from courant.reconcile.days import collect_days, compare_sums
from courant.reconcile.found import LayerFound
from courant.reconcile.records import PLACE, is_below
from courant.settings import Settings
from courant.stores import delta, delta_merge
from courant.transforms.checksums import record_checksum, to_newest_checksums


@dataclass(frozen=True, slots=True)
class Silver:
    """Silver and rejects, pinned, and how far of bronze they have at least."""

    rows: (
        DataFrame  # the contract's fields under their names, `PLACE` without the topic, `_epoch`, `checksum`
    )
    rejects: DataFrame  # `PLACE`, is_open
    position: delta_merge.Positions


def read_silver(spark: SparkSession, settings: Settings, contract: Contract) -> Silver | None:
    """Pin silver as it is now; None where there is none. Bronze must be read later than this."""
    path = delta.silver_path(settings.lake.root, contract.name)
    if not DeltaTable.is_deltatable(path):
        return None
    position = delta_merge.stored_position(path)
    rejects = delta.read_table(spark, delta.rejects_path(settings.lake.root, contract.name))
    return Silver(
        rows=_named_rows(contract, delta.read_table(spark, path)),
        rejects=_reject_places(rejects),
        position=position,
    )


def compare_silver(contract: Contract, judged: DataFrame, silver: Silver) -> LayerFound:
    """Compare silver and rejects with bronze, below silver's position.

    Parameters
    ----------
    judged
        Bronze by `to_judged_records`, read after silver.
    """
    is_taken = is_below(*silver.position)
    taken = judged.where(is_taken).join(F.broadcast(silver.rejects), list(PLACE), "left")
    accepted = taken.where(~F.col("_is_broken") & ~F.coalesce("is_open", F.lit(False)))
    ahead = silver.rows.where(~is_taken).select(*[field.name for field in contract.key_fields])
    newest = to_newest_checksums(contract, accepted).join(ahead, ahead.columns, "left_anti")
    expected = collect_days(contract, newest)
    differ = compare_sums("silver", expected, collect_days(contract, silver.rows.where(is_taken)))
    unkept, strays, lag = _reject_faults(judged, taken, is_taken)
    return LayerFound(
        layer="silver",
        rows=silver.rows.count(),
        superseded=accepted.select(*PLACE).distinct().count() - sum(day.keys for day in expected.values()),
        missing=differ.missing + unkept,
        doubled=differ.doubled + strays,
        stale_days=differ.stale,
        lag=lag,
        days=tuple(differ.days),
    )


def _reject_faults(judged: DataFrame, taken: DataFrame, is_taken: Column) -> tuple[int, int, int]:
    """Count broken records that rejects lack, replayed ones that are still broken, and records not taken yet."""
    counts = taken.agg(
        F.count_if(F.col("_is_broken") & F.col("is_open").isNull()).alias("unkept"),
        F.count_if(F.col("_is_broken") & ~F.col("is_open")).alias("strays"),
    ).first()
    assert counts is not None  # noqa: S101 - an aggregate has one row
    return counts["unkept"], counts["strays"], judged.where(~is_taken).count()


def _reject_places(rejects: DataFrame) -> DataFrame:
    """Give the places of rejects, and whether each still waits for a mended contract."""
    return rejects.select(
        "topic_id",
        F.col("partition").alias("_partition"),
        F.col("offset").alias("_offset"),
        F.col("replayed_at_utc").isNull().alias("is_open"),
    )


def _named_rows(contract: Contract, silver: DataFrame) -> DataFrame:
    """Give silver's rows the names that checksums are computed under."""
    fields = [F.col(field.column).alias(field.name) for field in contract.fields]
    rows = silver.select(
        *fields,
        F.col("source_epoch").alias("_epoch"),
        F.col("source_partition").alias("_partition"),
        F.col("source_offset").alias("_offset"),
    )
    return rows.withColumn("checksum", record_checksum(contract))
