"""The transaction that moves MySQL one micro-batch forward: facts, members, rejects and position, or nothing."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import Any, Protocol

import pyarrow as pa
import tenacity

from courant.domain.contract import Contract
from courant.errors import AnotherWriterError, IngestError
from courant.settings import Settings
from courant.stores.mysql import batch as batches
from courant.stores.mysql.connection import LoadConnection, connect, translated
from courant.stores.mysql.journal import BatchName, keep_batch
from courant.stores.mysql.loading import Target, load
from courant.stores.mysql.members import add_members
from courant.stores.mysql.patience import patient
from courant.stores.mysql.positions import Epoch, read_positions, write_positions

log = logging.getLogger(__name__)


class SecondLook(Protocol):
    """What the sink may ask of a batch's records beyond their lines; each answer costs a Spark job."""

    def members(self) -> dict[str, list[tuple[Any, ...]]]:
        """Give the accepted records' distinct members per dimension table, parents first, in column order."""

    def reject_lines(self, positions: list[tuple[int, int]], rule: str) -> pa.ChunkedArray:
        """Give reject lines of the records at these (partition, offset) places."""


@dataclass(slots=True)
class MySQLSink:
    """Writes batches of one data set, and stops when anyone else does."""

    settings: Settings
    contract: Contract
    epoch: Epoch
    run_id: str
    positions: dict[int, int]
    facts: Target
    rejects: Target
    warning_names: tuple[str, ...]
    _connection: LoadConnection | None = None
    _known_members: set[int] = field(default_factory=set)
    _is_in_doubt: bool = False  # a COMMIT was sent and its answer has not come

    def write(self, table: pa.Table, batch_id: int, look: SecondLook) -> None:
        """Write one batch, waiting for a server that is away.

        Parameters
        ----------
        table
            Columns `LOAD_COLUMNS` of transforms.load_lines, in offset order within a partition.

        Raises
        ------
        AnotherWriterError
            If the stored position is not where this driver left it.
        MySQLDownError
            If the server stays away for longer than `ingest.wait_for_server_s`.
        DiskFullError
            If the server has no room left.
        """
        target = self.positions | batches.next_offsets(table)
        if target == self.positions:
            return
        try:
            with translated(self.settings):
                patient(self.settings, self._say_and_reset)(self._write_once, table, batch_id, look, target)
        except BaseException:
            self._reset()  # an open transaction would hold its locks for as long as anybody keeps the error
            raise
        self.positions = target

    def close(self) -> None:
        """Give the connection back."""
        self._reset()

    def _write_once(self, table: pa.Table, batch_id: int, look: SecondLook, target: dict[int, int]) -> None:
        connection = self._connected()
        started = time.monotonic()
        connection.begin()
        stored = read_positions(connection, self.contract.name, self.epoch.topic_id, lock=True)
        if stored == target and self._is_in_doubt:  # the COMMIT whose answer was lost has arrived
            connection.rollback()
            self._is_in_doubt = False
            return
        if stored != self.positions:
            connection.rollback()
            raise _another_writer(self.contract.name, expected=self.positions, found=stored)
        new = batches.drop_below(table, stored)
        members = self._add_members(connection, new, look)
        refused = self._load_facts(connection, new)
        self._load_rejects(connection, new, refused, look)
        done = batches.account(new, refused=len(refused), warning_names=self.warning_names)
        name = BatchName(self.contract.name, self.run_id, batch_id)
        load_ms = round((time.monotonic() - started) * 1000)
        keep_batch(connection, name, done, batches.touched_days(new), load_ms=load_ms)
        write_positions(connection, self.contract.name, self.epoch.topic_id, target)
        self._is_in_doubt = True
        self._commit(connection)
        self._is_in_doubt = False
        self._known_members |= members

    def _commit(self, connection: LoadConnection) -> None:
        connection.commit()

    def _add_members(self, connection: LoadConnection, table: pa.Table, look: SecondLook) -> set[int]:
        """Insert dimension members that this driver has not seen; they cost a second look at the batch."""
        if not self.contract.dimensions:
            return set()
        unseen = set(table["_member"].unique().to_pylist()) - self._known_members
        if unseen:
            add_members(connection, self.contract, look.members())
        return unseen

    def _load_facts(self, connection: LoadConnection, table: pa.Table) -> dict[int, int]:
        """Load the accepted lines; give the refused ones, by row among the accepted, with MySQL's error number."""
        return load(connection, self.facts, batches.lines_of(table["_fact_line"]))

    def _load_rejects(
        self, connection: LoadConnection, table: pa.Table, refused: dict[int, int], look: SecondLook
    ) -> None:
        """Keep what the contract rejected and what the database refused."""
        columns = [table["_reject_line"]]
        accepted = table.filter(table["_fact_line"].is_valid()) if refused else table
        for number in sorted(set(refused.values())):
            rows = [row for row, errno in refused.items() if errno == number]
            places = accepted.select(["_partition", "_offset"]).take(rows).to_pylist()
            positions = [(place["_partition"], place["_offset"]) for place in places]
            columns.append(look.reject_lines(positions, f"mysql:{number}"))
        for column in columns:
            unkept = load(connection, self.rejects, batches.lines_of(column))
            if unkept:
                raise IngestError(f"MySQL refuses to keep rejects of {self.contract.name}: {unkept}")

    def _connected(self) -> LoadConnection:
        if self._connection is None or not self._connection.open:
            self._connection = connect(self.settings, "writer")
            self._known_members = set()  # a server that came back may be an older copy
        return self._connection

    def _say_and_reset(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        log.warning("MySQL: %s. Trying again (attempt %d).", error, state.attempt_number)
        self._reset()

    def _reset(self) -> None:
        """Drop the connection, and with it an open transaction."""
        connection, self._connection = self._connection, None
        if connection is not None and connection.open:
            connection.close()


def _another_writer(dataset: str, *, expected: dict[int, int], found: dict[int, int]) -> AnotherWriterError:
    return AnotherWriterError(
        f"MySQL's position for {dataset} was expected at {expected} but is at {found}: another ingest writes to it",
        remedy="stop one of the two (`ps -ef | grep ingest_readings`); then start again, nothing is lost or doubled",
    )
