"""Where the publisher has the half hours from: MySQL aggregates its facts, or the lake has them in gold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal, Protocol

from deltalake import DeltaTable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from courant.domain.calendar import paris_day
from courant.domain.contract import Contract
from courant.settings import Settings
from courant.stores import delta, delta_changes
from courant.stores.delta_changes import TableVersion
from courant.stores.mysql import aggregates
from courant.stores.mysql.connection import LoadConnection, session
from courant.stores.mysql.day_changes import Batch, read_changes, read_days
from courant.transforms.gold import recipes
from courant.transforms.gold_parts import in_dates, months_of

SourceName = Literal["mysql", "lake"]
Position = dict[str, Any]  # how far a source was read, as it is kept in MongoDB


class HalfHours(Protocol):
    """A source of gold's two half-hour frames, as it is at one moment."""

    @property
    def days_at_once(self) -> int:
        """How many days it gives in one frame."""

    def changes(self, contract: Contract, since: Position | None) -> tuple[set[date], Position | None]:
        """Give the Paris days that may have changed since a position, and the position that they lead to."""

    def newest_day(self, contract: Contract) -> date | None:
        """Give the Paris day of the data set's newest slot."""

    def read(self, contract: Contract, days: Iterable[date]) -> DataFrame:
        """Give the data set's half hours of Paris days: `balance_half_hours` or `consumption_half_hours`."""


@dataclass(frozen=True, slots=True)
class MySQLHalfHours:
    """The facts in one consistent snapshot, aggregated by the server."""

    spark: SparkSession
    connection: LoadConnection
    days_at_once: int = 31  # the driver carries them to Spark

    def changes(self, contract: Contract, since: Position | None) -> tuple[set[date], Position | None]:
        """Read what batches noted in their transactions; all days where `since` is of another database."""
        found = read_changes(self.connection, contract.name, Batch(**since) if since else None)
        days = read_days(self.connection, contract) if found.days is None else found.days
        last = {"number": found.last.number, "run_id": found.last.run_id} if found.last else None
        return {paris for day in days for paris in (day, day + timedelta(days=1))}, last

    def newest_day(self, contract: Contract) -> date | None:
        """Look at the end of the fact's key."""
        slot = aggregates.newest_slot(self.connection, contract)
        return paris_day(slot) if slot else None

    def read(self, contract: Contract, days: Iterable[date]) -> DataFrame:
        """Take the server's aggregates as Arrow."""
        of_kind = (
            aggregates.balance_half_hours
            if contract.table == "balance"
            else aggregates.consumption_half_hours
        )
        return self.spark.createDataFrame(of_kind(self.connection, contract, days))


@dataclass(frozen=True, slots=True)
class LakeHalfHours:
    """Gold, as far as it has come."""

    spark: SparkSession
    lake: Path
    days_at_once: int = 366

    def changes(self, contract: Contract, since: Position | None) -> tuple[set[date], Position | None]:
        """Read which days of silver changed between the states that gold was made of, then and now."""
        made_of = delta_changes.read_sources(self._path(contract)).get(contract.name)
        if made_of is None:
            return set(), None
        silver = delta.silver_path(self.lake, contract.name)
        before = TableVersion(**since) if since else None
        days = delta_changes.changed_dates(silver, "paris_day", since=before, until=made_of)
        return self._all_days(silver) if days is None else days, asdict(made_of)

    def newest_day(self, contract: Contract) -> date | None:
        """Look through gold's days."""
        newest: date | None = self._rows(contract).agg(F.max("paris_day")).collect()[0][0]
        return newest

    def read(self, contract: Contract, days: Iterable[date]) -> DataFrame:
        """Read gold's half hours."""
        months = in_dates("month", months_of(days := set(days)))
        return self._rows(contract).where(f"{months} AND {in_dates('paris_day', days)}")

    def _rows(self, contract: Contract) -> DataFrame:
        path = self._path(contract)
        if not DeltaTable.is_deltatable(path):
            return self.spark.createDataFrame([], recipes(contract)[0].schema)
        rows = self.spark.read.format("delta").load(path)
        return rows.where(F.col("dataset") == contract.name) if "dataset" in rows.columns else rows

    def _path(self, contract: Contract) -> str:
        return delta.gold_path(self.lake, recipes(contract)[0].table)  # the half hours come first

    def _all_days(self, silver: str) -> set[date]:
        newest = delta_changes.newest_version(silver)
        return delta_changes.partition_dates(silver, "paris_day", version=newest.version) if newest else set()


@contextmanager
def open_half_hours(spark: SparkSession, settings: Settings, source: SourceName) -> Iterator[HalfHours]:
    """Open a source as it is now.

    Raises
    ------
    MySQLDownError, AccessDeniedError
        If the source is MySQL and does not answer.
    """
    if source == "lake":
        yield LakeHalfHours(spark, settings.lake.root)
        return
    with session(settings, "reader") as connection:
        with connection.cursor() as cursor:
            cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        yield MySQLHalfHours(spark, connection)
