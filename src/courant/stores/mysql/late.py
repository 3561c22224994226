"""Slow paths write to MySQL in turns with the stream: under its lock, and only what is newer than what is there."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import tenacity
from pymysql.constants import ER

from courant.domain.contract import Contract
from courant.errors import AnotherWriterError, IngestError
from courant.settings import Settings
from courant.stores.mysql import batch as batches
from courant.stores.mysql import staging
from courant.stores.mysql.connection import LoadConnection, connect, translated
from courant.stores.mysql.journal import BatchName, keep_batch
from courant.stores.mysql.loading import Target, load
from courant.stores.mysql.members import add_members
from courant.stores.mysql.patience import patient
from courant.stores.mysql.positions import Epoch, read_positions
from courant.stores.mysql.rejects import DATABASE_RULE, name_refusals
from courant.stores.mysql.staging import Place, Span

log = logging.getLogger(__name__)


class LateLook(Protocol):
    """What may be asked of late records beyond their lines; each answer costs a Spark job."""

    def members(self) -> dict[str, list[tuple[Any, ...]]]:
        """Give the accepted records' distinct members per dimension table, parents first, in column order."""

    def reject_lines(self, epoch: int, positions: list[tuple[int, int]], rule: str) -> pa.ChunkedArray:
        """Give reject lines of an epoch's records at these (partition, offset) places."""


@dataclass(frozen=True, slots=True)
class Written:
    """What one transaction did."""

    accepted: int = 0
    refused: int = 0  # by the database
    days: frozenset[date] = frozenset()  # UTC days it touched


Work = Callable[[LoadConnection, dict[Place, int]], set[date] | None]  # None: there was nothing to do


@dataclass(slots=True)
class LateSink:
    """Writes late records of one data set; each table has `LOAD_COLUMNS` and `_epoch`, in order of time."""

    settings: Settings
    contract: Contract
    epochs: tuple[Epoch, ...]  # the lives of its topic that MySQL has read, the present one last
    run_id: str
    facts: Target
    rejects: dict[int, Target]  # by epoch
    warning_names: tuple[str, ...]
    _connection: LoadConnection | None = None
    _known_members: set[int] = field(default_factory=set)
    _batches: int = 0

    def replay(self, table: pa.Table, look: LateLook, *, at: datetime) -> Written:
        """Take over records that were rejected and now pass, and mark their rejects.

        One that the database refuses stays a reject, under the name of that rule. Done twice, it changes nothing.
        """
        name, version = self.contract.name, self.contract.version

        def work(connection: LoadConnection, refused: dict[Place, int]) -> set[date] | None:
            marked = staging.mark_replayed(connection, name, at)
            renamed = name_refusals(connection, name, version, self.epochs, refused)
            if not (marked or renamed):
                return None
            return staging.keep_newer(connection, self.contract, self.facts.columns)

        return self._write(table, look, work)

    def rebuild(self, table: pa.Table, look: LateLook, *, span: Span, ends: dict[int, int]) -> Written:
        """Put records in the place of all facts of a span that come from below `ends` of the present epoch.

        Raises
        ------
        AnotherWriterError
            If MySQL does not stand at `ends` any more: it was put back meanwhile.
        """
        epoch = self.epochs[-1].number

        def work(connection: LoadConnection, refused: dict[Place, int]) -> set[date]:
            days = staging.delete_facts(connection, self.contract, span, epoch=epoch, ends=ends)
            days |= staging.keep_newer(connection, self.contract, self.facts.columns)
            self._keep_refused(connection, refused, look)
            return days

        return self._write(table, look, work, at_least=ends)

    def restore_rejects(self, table: pa.Table, look: LateLook) -> Written:
        """Keep records that the contract rejects, as open."""

        def work(connection: LoadConnection, _refused: dict[Place, int]) -> set[date]:
            for epoch, target in self.rejects.items():
                self._keep(connection, target, table.filter(pc.field("_epoch") == epoch)["_reject_line"])
            return set()

        return self._write(table, look, work)

    def close(self) -> None:
        """Give the connection back, and with it the staged facts."""
        connection, self._connection = self._connection, None
        if connection is not None and connection.open:
            connection.close()

    def _write(
        self, table: pa.Table, look: LateLook, work: Work, *, at_least: dict[int, int] | None = None
    ) -> Written:
        with translated(self.settings):
            return patient(self.settings, self._say_and_reset)(
                self._attempt, table, look, work, at_least or {}
            )

    def _attempt(self, table: pa.Table, look: LateLook, work: Work, at_least: dict[int, int]) -> Written:
        connection, started = self._connected(), time.monotonic()
        refused = staging.stage(connection, self.contract, self.facts, table)
        connection.begin()
        self._take_turn(connection, at_least)
        members = self._add_members(connection, table, look)
        strangers = staging.drop_strangers(connection, self.contract)
        refused |= dict.fromkeys(strangers, ER.NO_REFERENCED_ROW_2)
        days = work(connection, refused)
        if days is None:
            connection.rollback()
            return Written(refused=len(refused))
        account = batches.account(table, refused=len(refused), warning_names=self.warning_names)
        self._keep_account(connection, account, days, started)
        connection.commit()
        self._known_members |= members
        return Written(account.accepted, len(refused), frozenset(days))

    def _take_turn(self, connection: LoadConnection, at_least: dict[int, int]) -> None:
        """Wait for the batch that the stream is at, and let it wait for this transaction."""
        stored = read_positions(connection, self.contract.name, self.epochs[-1].topic_id, lock=True)
        if any(stored.get(partition, 0) < end for partition, end in at_least.items()):
            connection.rollback()
            raise AnotherWriterError(
                f"MySQL's position for {self.contract.name} went back from {at_least} to {stored}",
                remedy="somebody put back the database meanwhile; run this again",
            )

    def _add_members(self, connection: LoadConnection, table: pa.Table, look: LateLook) -> set[int]:
        if not self.contract.dimensions:
            return set()
        accepted = table.filter(table["_fact_line"].is_valid())
        unseen = set(accepted["_member"].unique().to_pylist()) - self._known_members
        if unseen:
            add_members(connection, self.contract, look.members())
        return unseen

    def _keep_refused(self, connection: LoadConnection, refused: dict[Place, int], look: LateLook) -> None:
        for epoch, errno in sorted({(place[0], errno) for place, errno in refused.items()}):
            places = [place[1:] for place, number in refused.items() if (place[0], number) == (epoch, errno)]
            lines = look.reject_lines(epoch, places, f"{DATABASE_RULE}{errno}")
            self._keep(connection, self.rejects[epoch], lines)

    def _keep(self, connection: LoadConnection, target: Target, lines: pa.ChunkedArray) -> None:
        if unkept := load(connection, target, batches.lines_of(lines)):
            raise IngestError(f"MySQL refuses to keep rejects of {self.contract.name}: {unkept}")

    def _keep_account(
        self, connection: LoadConnection, account: batches.Account, days: set[date], started: float
    ) -> None:
        """Note the batch; the age of its records says nothing here."""
        ageless = replace(account, latency_p50_ms=None, latency_p95_ms=None, latency_max_ms=None)
        name = BatchName(self.contract.name, self.run_id, self._batches)
        keep_batch(connection, name, ageless, days, load_ms=round((time.monotonic() - started) * 1000))
        self._batches += 1

    def _connected(self) -> LoadConnection:
        if self._connection is None or not self._connection.open:
            self._connection = connect(self.settings, "writer")
            self._known_members = set()  # a server that came back may be an older copy
        return self._connection

    def _say_and_reset(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        log.warning("MySQL: %s. Trying again (attempt %d).", error, state.attempt_number)
        self.close()
