"""Silver made anew from bronze: the newest accepted row of each key, in one atomic overwrite."""

from __future__ import annotations

import time

from deltalake import DeltaTable
from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from courant.batch.rebuild_parts import Days, RebuildRun
from courant.domain.contract import Contract
from courant.settings import Settings
from courant.stores import delta, delta_merge, delta_replace
from courant.stores.mysql.alone import alone
from courant.stores.mysql.connection import session
from courant.stores.mysql.migrate import upgrade
from courant.stores.mysql.rejects import DATABASE_RULE, read_fates
from courant.transforms import silver

_KEY = list(silver.REJECT_KEY)
_FATE = ("rules", "contract_version", "replayed_at_utc")


def rebuild_silver(
    spark: SparkSession, settings: Settings, contract: Contract, days: Days | None = None
) -> RebuildRun:
    """Make a data set's silver anew from all of bronze, and of a whole rebuild its rejects as well.

    Which rejects a present contract must leave alone, until they are replayed, is MySQL's to say; where only some
    days are made anew, the rejects table's.

    Raises
    ------
    AnotherWriterError
        If a build, a replay of rejects or another rebuild is at work; the table is as it was.
    SchemaConflictError
        If only some days are asked for and the contract changed a column's type.
    MySQLDownError, DiskFullError
        If MySQL does not answer, or the lake has no room left.
    """
    started = time.monotonic()
    bronze = delta.bronze_path(settings.lake.root, contract.name)
    if not DeltaTable.is_deltatable(bronze):
        return RebuildRun(contract.name, 0, 0, time.monotonic() - started)
    upgrade(settings)
    with alone(settings, contract.name):
        rebuild = _rebuild_whole if days is None else _rebuild_days
        rows, rejects = rebuild(spark, settings, contract, days)
    return RebuildRun(contract.name, rows, rejects, time.monotonic() - started)


def _rebuild_whole(
    spark: SparkSession, settings: Settings, contract: Contract, _days: Days | None
) -> tuple[int, int]:
    """Overwrite rejects, then silver, then remember how far of bronze that is."""
    lake, name = settings.lake.root, contract.name
    path, rejects = delta.silver_path(lake, name), delta.rejects_path(lake, name)
    if not DeltaTable.is_deltatable(path):
        delta_merge.ensure_table(path, silver.silver_schema(contract), partition_by=silver.PARTITION_COLUMN)
    delta_merge.ensure_table(rejects, silver.rejects_schema())
    since = delta_replace.read_state(path), delta_replace.read_state(rejects)
    bronze = delta.bronze_path(lake, name)
    version = DeltaTable(bronze).version()
    reached, _ = delta_merge.position_of(bronze, version, (-1, {}))
    records = delta.read_table(spark, bronze, version=version)
    fates = _fates_in_mysql(spark, settings, contract)
    judged = _judged(contract, records, fates).persist(StorageLevel.MEMORY_AND_DISK)
    try:
        delta_replace.replace_all(rejects, _rejects(judged, records, fates), since=since[1])
        newest = silver.to_newest(contract, silver.to_accepted(contract, judged))
        delta_replace.replace_all(path, newest, since=since[0], partition_by=[silver.PARTITION_COLUMN])
    finally:
        judged.unpersist()
    delta_merge.store_position(path, reached)
    return delta.count_rows(path), delta.count_rows(rejects)


def _rebuild_days(
    spark: SparkSession, settings: Settings, contract: Contract, days: Days | None
) -> tuple[int, int]:
    """Overwrite the partitions of some days."""
    assert days  # noqa: S101 - else it is a whole rebuild
    lake, name = settings.lake.root, contract.name
    path, rejects = delta.silver_path(lake, name), delta.rejects_path(lake, name)
    delta_merge.ensure_table(path, silver.silver_schema(contract), partition_by=silver.PARTITION_COLUMN)
    delta_merge.ensure_table(rejects, silver.rejects_schema())
    since = delta_replace.read_state(path)
    records = delta.read_table(spark, delta.bronze_path(lake, name))
    fates = delta.read_table(spark, rejects).select(*_KEY, *_FATE)
    day = silver.PARTITION_COLUMN  # Delta's replaceWhere cannot read BETWEEN
    where = f"{day} >= DATE'{days.first.isoformat()}' AND {day} <= DATE'{days.last.isoformat()}'"
    accepted = silver.to_accepted(contract, _judged(contract, records, fates)).where(where)
    newest = silver.to_newest(contract, accepted).persist()
    try:
        rows = newest.count()
        delta_replace.replace_partitions(path, newest, where=where, since=since)
    finally:
        newest.unpersist()
    return rows, 0


def _fates_in_mysql(spark: SparkSession, settings: Settings, contract: Contract) -> DataFrame:
    """Give what MySQL made of records that the contract rejected: rejected by the database alone, they are silver's."""
    with session(settings, "reader") as connection:
        fates = spark.createDataFrame(read_fates(connection, contract.name))
    return fates.where(~F.startswith("rules", F.lit(DATABASE_RULE))).select(*_KEY, *_FATE)


def _judged(contract: Contract, bronze: DataFrame, fates: DataFrame) -> DataFrame:
    """Judge all records but those that wait as open rejects."""
    waiting = fates.where(F.col("replayed_at_utc").isNull()).select(*_KEY)
    return bronze.join(F.broadcast(waiting), _KEY, "left_anti").transform(silver.to_judged(contract))


def _rejects(judged: DataFrame, bronze: DataFrame, fates: DataFrame) -> DataFrame:
    """Give what the present contract rejects, and the rejects that are known, as they are."""
    broken = silver.to_rejects(judged)
    columns = [field.name for field in silver.rejects_schema()]
    known = bronze.join(F.broadcast(fates), _KEY).join(broken.select(*_KEY), _KEY, "left_anti")
    return broken.unionByName(known.select(*columns))
