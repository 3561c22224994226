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
from ingesting import CONTRACTS, ask, drain, end_server, own_sinks, own_topic
from mysql_proxy import MySQLProxy, proxy_before
from pyspark.sql import SparkSession
from record_model import Drawing
from waiting import PATIENCE_S, wait_until

from courant.batch.gold import build_gold
from courant.batch.publish import publish
from courant.batch.silver import build_silver
from courant.domain.contract import Contract
from courant.errors import CourantError
from courant.ingest import application
from courant.local.stack import up
from courant.settings import Settings
from courant.stores.kafka import RecordSender

DATASET = "consumption_inf36"
BATCH_RECORDS = 1_000
_CHUNK, _PAUSE_S = (50, 250), (0.02, 0.4)
#: The last ones, and any number more while faults strike: what comes behind a fault shows the recovery.
_LAST, _LAST_CHUNK, _LAST_PAUSE_S = 1_000, 5, 0.25


class Supervised(threading.Thread):
    """The ingest, started again whenever it ends with one of our errors; any other ends it for good."""

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

    def check(self) -> None:
        """Fail where it ended with a stack trace."""
        assert self.unclear is None, repr(self.unclear)

    def stop(self) -> None:
        """Stop it between two batches."""
        self.stopping.set()
        self.join(PATIENCE_S)
        assert not self.is_alive()
        self.check()


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
    drawing: Drawing
    records: int  # at least so many are sent
    told: Told
    afterwards: ExitStack  # what the round must undo when it is over
    struck: int = 0
    recoveries_s: list[float] = field(default_factory=list)
    ingests: list[Supervised] = field(default_factory=list)

    @property
    def ingest(self) -> Supervised:
        """The newest one."""
        return self.ingests[-1]

    @property
    def ends(self) -> list[CourantError]:
        """What ended any ingest of the round."""
        return [end for ingest in self.ingests for end in ingest.ends]

    def start_ingest(self) -> Supervised:
        """Start a stream on these stores, whether or not there is one already."""
        session = self.spark.newSession()  # which names its queries by itself
        self.ingests.append(Supervised(session, self.through_proxy, self.contract))
        self.ingest.start()
        return self.ingest

    def position(self) -> int:
        """Give how far MySQL is, over all partitions; -1 while it does not answer."""
        with suppress(pymysql.err.MySQLError):
            [(position,)] = ask(self.settings, "SELECT COALESCE(SUM(next_offset), 0) FROM ingest_offset")
            return int(position)
        return -1

    def wait(self, condition: Callable[[], object]) -> None:
        """Wait until it holds; fail at once where an ingest has ended with a stack trace."""

        def holds() -> object:
            for ingest in self.ingests:
                ingest.check()
            return condition()

        wait_until(holds, every_s=0.2)

    def wait_for_progress(self, *, beyond: int) -> None:
        """Wait until MySQL is further than it was: more records come for as long as faults strike."""
        self.wait(lambda: self.position() > beyond)

    def pause(self, seconds: tuple[float, float]) -> None:
        """Wait for a moment that nobody chose."""
        time.sleep(self.chance.uniform(*seconds))

    @contextmanager
    def strike(self) -> Iterator[None]:
        """Count a fault, and take the time from its beginning until MySQL is further than when it was over."""
        began = time.monotonic()
        yield
        self.struck += 1
        self.wait(lambda: self.position() >= 0)
        self.wait_for_progress(beyond=self.position())
        self.recoveries_s.append(time.monotonic() - began)

    def end_and_start(self, server: str, how: int) -> None:
        """Send a server a signal that ends it, and start it again when it is no more."""
        end_server(self.stack, server, how)
        up(self.stack)


Strike = Callable[[Scene], None]


@dataclass(frozen=True)
class Round:
    """How a round ended."""

    records: int
    struck: int
    recovery_s: float  # the longest; nan where none was timed
    verdict: Verdict


def play(
    spark: SparkSession,
    stack: Settings,
    folder: Path,
    strike: Strike,
    *,
    may_end_with: type[CourantError] | None,
    name: str,
    seed: int,
    records: int,
) -> Round:
    """Stream drawn records while faults strike, then bring every layer up to date and judge it.

    Parameters
    ----------
    may_end_with
        The one error that the fault may end the ingest with; where None, it is to go on by itself.
    """
    with staged(spark, stack, folder, name=name, seed=seed, records=records) as scene:
        stream(scene, strike)
        assert [end for end in scene.ends if type(end) is not may_end_with] == []
        settle(scene)
        verdict = judge(spark, scene.settings, scene.contract, scene.drawing.drawn)
    longest = max(scene.recoveries_s, default=float("nan"))
    return Round(len(scene.drawing.drawn.records), scene.struck, longest, verdict)


@contextmanager
def staged(
    spark: SparkSession, stack: Settings, folder: Path, *, name: str, seed: int, records: int
) -> Iterator[Scene]:
    """Give running servers, stores and a topic of their own, and nothing sent yet."""
    up(stack)  # a round that failed may have left one stopped
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
            spark, stack, settings, through, proxy, contract, random.Random(seed), Drawing(seed), records, told,
            afterwards,
        )  # fmt: skip


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
        scene.wait_for_progress(beyond=0)
        strike(scene)
    finally:
        are_over.set()
        producer.join(PATIENCE_S)
        with ExitStack() as stopping:  # one that fails to stop must not leave the others running
            for ingest in scene.ingests:
                stopping.callback(ingest.stop)
    assert not failures, failures


def _produce(scene: Scene, are_over: threading.Event) -> None:
    """Send records in small parts at uneven times, and little by little while faults still strike."""
    chance, sent = random.Random(scene.chance.random()), 0
    with RecordSender(scene.settings, scene.contract.topic) as sender:
        while sent < scene.records or not are_over.is_set():
            left = scene.records - sent
            if are_over.is_set():
                size, pause_s = left, 0.0
            elif left > _LAST:
                size, pause_s = chance.randint(*_CHUNK), chance.uniform(*_PAUSE_S)
            else:
                size, pause_s = _LAST_CHUNK, _LAST_PAUSE_S
            keys, values = zip(*scene.drawing.draw(size), strict=True)
            sender.send(keys, values)
            sent += size
            are_over.wait(pause_s)
    assert sender.failed == 0


def settle(scene: Scene) -> None:
    """Take in what is left, and bring every layer up to date."""
    drain(scene.spark, scene.settings, scene.contract)
    build_silver(scene.spark, scene.settings, scene.contract)
    build_gold(scene.spark, scene.settings, [scene.contract])
    publish(scene.spark, scene.settings, [scene.contract], source="lake")
