"""One round of the fault matrix: drawn records stream into stores of their own while faults strike."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pymysql
import pytest
from fault_verdict import Verdict, judge
from ingesting import CONTRACTS, ask, drain, forget_lake, own_sinks, own_topic
from mysql_proxy import MySQLProxy, proxy_before
from pyspark.sql import SparkSession
from record_model import Drawn, draw_records
from waiting import PATIENCE_S, wait_until

from courant.batch.gold import build_gold
from courant.batch.publish import publish
from courant.batch.silver import build_silver
from courant.domain.contract import Contract
from courant.errors import CourantError
from courant.ingest import application
from courant.local.stack import status, up
from courant.settings import Settings
from courant.stores.kafka import RecordSender

DATASET = "consumption_inf36"
BATCH_RECORDS = 1_000
_CHUNK, _PAUSE_S = (50, 250), (0.02, 0.4)
#: Records that are sent little by little until the faults are over: what comes behind a fault shows the recovery.
_LAST, _LAST_PAUSE_S = 200, 0.5


class Supervised(threading.Thread):
    """The ingest, started again whenever it ends with a clear error; any other ends it for good."""

    def __init__(self, spark: SparkSession, settings: Settings, contract: Contract) -> None:
        super().__init__(name="supervised-ingest", daemon=True)
        self.stopping = threading.Event()
        self.ends: list[CourantError] = []
        self.unclear: BaseException | None = None
        self._run = lambda: application.run_ingest(spark, settings, [contract], drain=False)

    def run(self) -> None:
        """Run until told to stop."""
        while not self.stopping.is_set():
            try:
                self._run()
            except CourantError as error:
                self.ends.append(error)
                self.stopping.wait(0.2)
            except BaseException as error:  # a stack trace, for a user
                self.unclear = error
                return

    def stop(self) -> None:
        """Stop it between two batches."""
        self.stopping.set()
        self.join(PATIENCE_S)
        assert not self.is_alive()


@contextmanager
def stop_with_the_thread() -> Iterator[threading.Event]:
    """Stand in for the signals, which reach only a process: a supervised ingest ends when its thread should."""
    yield getattr(threading.current_thread(), "stopping", threading.Event())


class Told(logging.Handler):
    """Remembers what the project logs."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Remember it."""
        self.lines.append(record.getMessage())

    def count(self, mysql_error: int) -> int:
        """Count the lines that name one of MySQL's errors."""
        return sum(f"({mysql_error}," in line for line in self.lines)


@dataclass
class Scene:
    """What a cell's faults may strike."""

    spark: SparkSession
    stack: Settings  # the servers themselves
    settings: Settings  # the stores of this round; MySQL at its own port
    through_proxy: Settings  # the same as the ingest sees them
    proxy: MySQLProxy
    contract: Contract
    chance: random.Random
    drawn: Drawn
    told: Told
    afterwards: ExitStack  # what the round must undo when it is over
    struck: int = 0
    recoveries_s: list[float] = field(default_factory=list)
    sent: int = 0
    ingest: Supervised = field(init=False)

    def start_ingest(self) -> None:
        """Start the stream."""
        self.ingest = self.another_ingest()

    def another_ingest(self) -> Supervised:
        """Start a stream on these stores, whether or not there is one already."""
        session = self.spark.newSession()  # which names its queries by itself
        ingest = Supervised(session, self.through_proxy, self.contract)
        ingest.start()
        return ingest

    def position(self) -> int:
        """Give how far MySQL is, over all partitions; -1 while it does not answer."""
        with suppress(pymysql.err.MySQLError):
            [(position,)] = ask(self.settings, "SELECT COALESCE(SUM(next_offset), 0) FROM ingest_offset")
            return int(position)
        return -1

    def pause(self, seconds: tuple[float, float]) -> None:
        """Wait for a moment that nobody chose."""
        time.sleep(self.chance.uniform(*seconds))

    def pid(self, server: str) -> int:
        """Give a server's process."""
        pid = status(self.stack).services[server].pid
        assert pid
        return pid

    def up(self) -> None:
        """Start the servers that are away."""
        up(self.stack)

    @contextmanager
    def strike(self) -> Iterator[None]:
        """Count a fault, and take the time from its beginning until MySQL is further than it was."""
        before, began = self.position(), time.monotonic()
        yield
        self.struck += 1
        before = max(before, self.position())  # what was on its way when it began is no recovery
        wait_until(lambda: self.position() > before or self.has_all() or self.ingest.unclear, every_s=0.2)
        self.recoveries_s.append(time.monotonic() - began)

    def has_all(self) -> bool:
        """Tell whether nothing further can come."""
        return self.position() >= len(self.drawn.records)


Strike = Callable[[Scene], None]


@dataclass(frozen=True)
class Round:
    """How a round ended."""

    records: int
    struck: int
    recovery_s: float  # the longest; nan where none was timed
    ends: int  # times that the stream ended with a clear error and was started again
    verdict: Verdict


def play(
    spark: SparkSession, stack: Settings, folder: Path, strike: Strike, *, name: str, seed: int, records: int
) -> Round:
    """Stream drawn records while faults strike, then bring every layer up to date and judge it."""
    with staged(spark, stack, folder, name=name, seed=seed, records=records) as scene:
        stream(scene, strike)
        settle(scene)
        verdict = judge(spark, scene.settings, scene.contract, scene.drawn)
    longest = max(scene.recoveries_s, default=float("nan"))
    return Round(len(scene.drawn.records), scene.struck, longest, len(scene.ingest.ends), verdict)


@contextmanager
def staged(
    spark: SparkSession, stack: Settings, folder: Path, *, name: str, seed: int, records: int
) -> Iterator[Scene]:
    """Give stores and a topic of their own, and drawn records that nobody has sent yet."""
    settings = own_sinks(
        stack, name, folder, max_offsets_per_trigger=BATCH_RECORDS, wait_for_server_s=int(PATIENCE_S)
    )
    contract = own_topic(CONTRACTS[DATASET], settings, f"faults.{name}", partitions=4)
    told = Told()
    with (
        pytest.MonkeyPatch.context() as patch,
        proxy_before(settings.mysql.port) as proxy,
        _listening(told),
        ExitStack() as afterwards,
    ):
        patch.setattr(application, "stop_on_signals", stop_with_the_thread)
        through = settings.model_copy(
            update={"mysql": settings.mysql.model_copy(update={"port": proxy.port})}
        )
        yield Scene(
            spark, stack, settings, through, proxy, contract, random.Random(seed), draw_records(seed, records),
            told, afterwards,
        )  # fmt: skip


def settle(scene: Scene) -> None:
    """Take in what is left, and bring every layer up to date."""
    drain(scene.spark, scene.settings, scene.contract)
    build_silver(scene.spark, scene.settings, scene.contract)
    build_gold(scene.spark, scene.settings, [scene.contract])
    publish(scene.spark, scene.settings, [scene.contract], source="lake")


@contextmanager
def _listening(told: Told) -> Iterator[None]:
    logger = logging.getLogger("courant")
    logger.addHandler(told)
    try:
        yield
    finally:
        logger.removeHandler(told)


def stream(scene: Scene, strike: Strike) -> None:
    """Send the records to a supervised ingest while faults strike; return when all are sent."""
    are_over = threading.Event()
    failures: list[BaseException] = []

    def produce() -> None:
        try:
            _produce(scene, are_over)
        except BaseException as error:
            failures.append(error)

    producer = threading.Thread(target=produce, daemon=True)
    scene.start_ingest()
    try:
        producer.start()
        wait_until(lambda: scene.position() > 0, every_s=0.2)
        strike(scene)
    finally:
        are_over.set()
        producer.join(PATIENCE_S)
        forget_lake(scene.spark)
        scene.ingest.stop()
    assert not failures, failures
    assert scene.ingest.unclear is None, scene.ingest.unclear


def _produce(scene: Scene, are_over: threading.Event) -> None:
    """Send the records in small parts at uneven times, at once when the faults are over."""
    records, chance = scene.drawn.records, random.Random(scene.chance.random())
    with RecordSender(scene.settings, scene.contract.topic) as sender:
        while scene.sent < len(records):
            left = len(records) - scene.sent
            if are_over.is_set():
                size = left
            elif left <= _LAST:
                size = 1
            else:
                size = min(chance.randint(*_CHUNK), left - _LAST)
            keys, values = zip(*records[scene.sent : scene.sent + size], strict=True)
            sender.send(keys, values)
            scene.sent += size
            are_over.wait(chance.uniform(*_PAUSE_S) if left > _LAST else _LAST_PAUSE_S)
    assert sender.failed == 0
