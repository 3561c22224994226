"""The lake's tables for a notebook, or one sentence that says what has to run first. Nothing here writes."""

from __future__ import annotations

from deltalake import DeltaTable
from pyspark.sql import DataFrame, SparkSession

from courant.errors import NotEnoughDataError
from courant.settings import Settings
from courant.stores import delta


def open_silver(spark: SparkSession, settings: Settings, dataset: str) -> DataFrame:
    """Read a data set's silver, pinned to its newest version.

    Raises
    ------
    NotEnoughDataError
        If there is none yet.
    """
    return _open(spark, delta.silver_path(settings.lake.root, dataset), f"courant silver --dataset {dataset}")


def open_gold(spark: SparkSession, settings: Settings, table: str) -> DataFrame:
    """Read a table of gold, pinned to its newest version.

    Raises
    ------
    NotEnoughDataError
        If there is none yet.
    """
    return _open(spark, delta.gold_path(settings.lake.root, table), "courant gold")


def _open(spark: SparkSession, path: str, command: str) -> DataFrame:
    if not DeltaTable.is_deltatable(path):
        raise NotEnoughDataError(f"There is no table in {path}", remedy=f"run `{command}` first")
    return delta.read_table(spark, path)
