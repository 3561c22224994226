"""Silver as plain Parquet, for people who have no Delta: a file a year, sorted by key, whole or not at all."""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from courant.domain.contract import Contract
from courant.errors import NotEnoughDataError
from courant.settings import Settings
from courant.stores import delta, delta_changes
from courant.transforms.silver import PARTITION_COLUMN, SOURCE_COLUMNS, key_columns

YEAR = "year"
_ROWS_A_FILE = 20_000_000


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written of one data set."""

    dataset: str
    silver_version: int
    rows: int
    files: int
    bytes: int
    seconds: float


def export_silver(spark: SparkSession, settings: Settings, contract: Contract, out: Path) -> Exported:
    """Write a data set's silver to the folder OUT/DATASET, in the place of an earlier export.

    The files lie in `year=YYYY` (of the Paris day), zstd, rows in the order of the natural key, so that a range of
    days is few row groups. Where a record came from is left out. The new folder takes the old one's place when it is
    complete.

    Raises
    ------
    NotEnoughDataError
        If the data set has no silver.
    """
    started, path = time.monotonic(), delta.silver_path(settings.lake.root, contract.name)
    newest = delta_changes.newest_version(path)
    if newest is None:
        raise NotEnoughDataError(
            f"{contract.name} has no silver in {settings.lake.root}",
            remedy=f"`courant silver --dataset {contract.name}` makes it",
        )
    silver = spark.read.format("delta").option("versionAsOf", newest.version).load(path)
    folder, scratch = out / contract.name, out / f".{contract.name}.new"
    _put_back(folder)
    shutil.rmtree(scratch, ignore_errors=True)
    _write(silver, contract, scratch)
    _replace(folder, scratch)
    files = sorted(folder.rglob("*.parquet"))
    return Exported(
        contract.name,
        newest.version,
        sum(pq.read_metadata(file).num_rows for file in files),
        len(files),
        sum(file.stat().st_size for file in files),
        time.monotonic() - started,
    )


def to_document(done: list[Exported]) -> dict[str, Any]:
    """Give plain values by data set."""
    values = {one.dataset: asdict(one) | {"seconds": round(one.seconds, 2)} for one in done}
    return {
        name: {key: part for key, part in one.items() if key != "dataset"} for name, one in values.items()
    }


def _write(silver: DataFrame, contract: Contract, folder: Path) -> None:
    by_year = silver.drop(*SOURCE_COLUMNS).withColumn(YEAR, F.year(PARTITION_COLUMN)).repartition(YEAR)
    (
        by_year.sortWithinPartitions(YEAR, *key_columns(contract))
        .write.partitionBy(YEAR)
        .option("compression", "zstd")
        .option("maxRecordsPerFile", _ROWS_A_FILE)
        .parquet(str(folder))
    )


def _replace(folder: Path, new: Path) -> None:
    """Put a folder in the place of another, which is set aside before it is deleted."""
    if folder.exists():
        folder.rename(_aside(folder))
    new.rename(folder)
    shutil.rmtree(_aside(folder), ignore_errors=True)


def _put_back(folder: Path) -> None:
    """Undo what a replacement that was killed had begun."""
    if _aside(folder).exists() and not folder.exists():
        _aside(folder).rename(folder)
    shutil.rmtree(_aside(folder), ignore_errors=True)


def _aside(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.old")
