"""The application: two foreachBatch queries per data set, watched until they are drained, stopped or broken."""

from __future__ import annotations

import logging
import shutil
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from courant.domain.contract import Contract
from courant.errors import CourantError, IngestError, KafkaDownError
from courant.ingest.behind import WriteBehind
from courant.ingest.second_look import BatchLook
from courant.ingest.sinks import Starts, create_layers, open_starts
from courant.ingest.watch import TopicWatch
from courant.settings import Settings
from courant.stopping import stop_on_signals
from courant.stores import delta
from courant.stores.delta_bronze import BronzeSink
from courant.stores.kafka import check_broker, describe_topic, ensure_topics, range_options, stream_options
from courant.stores.mysql import batch as batches
from courant.stores.mysql.loading import Target
from courant.stores.mysql.positions import Epoch
from courant.stores.mysql.sink import MySQLSink
from courant.stores.unwritable import unwritable
from courant.transforms import load_lines
from courant.transforms.bronze import to_bronze
from courant.transforms.records import to_records, warning_names

log = logging.getLogger(__name__)

_POLL_S = 0.2
_LAST_BATCH_S = 20
_KEEP_CHECKPOINTS_S = 24 * 3600
#: The words by which Spark tells a batch that a stop cut off from one that failed.
_INTERRUPTED = "py4j.protocol.Py4JJavaError: An error occurred while calling: java.lang.InterruptedException"


@dataclass(slots=True)
class Run:
    """One start of the application: fresh checkpoints, the queries, and the first failure of any of them."""

    spark: SparkSession
    settings: Settings
    drain: bool
    run_id: str
    failure: BaseException | None = None
    stopping: set[str] = field(default_factory=set)  # names of queries that were told to stop
    behind: list[WriteBehind] = field(default_factory=list)  # one for each data set's MySQL

    @property
    def scratch(self) -> Path:
        """Where its checkpoints are, and bronze's files before they are complete."""
        return _checkpoints(self.settings) / self.run_id

    def guard(self, name: str, write: Callable[[DataFrame, int], None]) -> Callable[[DataFrame, int], None]:
        """Keep the error itself, and tell Spark in few words: it would pass on only its text.

        When a query is stopped, Spark looks for an interruption in that text, by a regular expression that recurses
        with each character: the long trace of a JVM overflows the stack of the query's thread.
        """

        def guarded(batch: DataFrame, batch_id: int) -> None:
            try:
                write(batch, batch_id)
            except BaseException as error:
                if name in self.stopping:
                    log.info("%s: batch %d was cut off: %s", name, batch_id, _first_line(error))
                    raise RuntimeError(_INTERRUPTED) from None
                self.failure = self.failure or error
                raise RuntimeError(f"batch {batch_id} failed with {type(error).__name__}") from None

        return guarded


def run_ingest(spark: SparkSession, settings: Settings, contracts: list[Contract], *, drain: bool) -> None:
    """Read each data set's topic into MySQL and bronze until drained, stopped by a signal, or broken.

    Raises
    ------
    CourantError
        Whatever ended a query, as one clear error; nothing is lost or doubled by starting again.
    """
    run = Run(spark, settings, drain, run_id=uuid.uuid4().hex)
    _clear_checkpoints(settings)
    ensure_topics(settings, contracts)
    with stop_on_signals() as stop:
        queries: list[StreamingQuery] = []
        try:
            run.scratch.mkdir(parents=True)  # Java would not say why it cannot
            for contract in contracts:
                queries += _start(run, contract)
            log.info("queries started")
            _watch(run, queries, stop)
        except Exception as error:
            if not isinstance(error, CourantError) and (ours := unwritable("the ingest's output", error)):
                raise ours from error
            raise
        finally:
            for query in queries:
                _stop(run, query)
            _finish(run)
            shutil.rmtree(run.scratch, ignore_errors=True)


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _start(run: Run, contract: Contract) -> list[StreamingQuery]:
    create_layers(run.settings, contract)
    topic = describe_topic(run.settings, contract.topic)
    starts = open_starts(run.settings, contract, topic)
    log.info("%s: MySQL reads on from %s, bronze from %s", contract.name, starts.mysql, starts.bronze)
    watch = TopicWatch(run.settings, topic)
    return [_start_mysql(run, contract, starts, watch), _start_bronze(run, contract, starts, watch)]


def _start_mysql(run: Run, contract: Contract, starts: Starts, watch: TopicWatch) -> StreamingQuery:
    sink = MySQLSink(
        settings=run.settings,
        contract=contract,
        epoch=starts.epoch,
        run_id=run.run_id,
        positions=starts.mysql,
        facts=fact_target(contract),
        rejects=reject_target(contract, starts.epoch),
        warning_names=warning_names(contract),
    )

    judged = load_lines.to_load_lines(contract, epoch=starts.epoch.number)
    name = f"{contract.name}-mysql"
    behind = WriteBehind(name)
    run.behind.append(behind)

    def write(batch: DataFrame, batch_id: int) -> None:
        table = batch.toArrow()
        watch.check()
        look = BatchLook(lambda: _read_again(run, contract, table).transform(judged), contract)
        behind.submit(lambda: sink.write(table, batch_id, look))

    lines = (
        _read(run, contract, starts.mysql)
        .coalesce(run.spark.sparkContext.defaultParallelism)  # a task for each slot that can run it
        .transform(to_records)
        .transform(judged)
        .select(*load_lines.LOAD_COLUMNS)
    )
    return _stream(run, lines, write, name=name, trigger_ms=run.settings.ingest.mysql_trigger_ms)


def _read_again(run: Run, contract: Contract, table: pa.Table) -> DataFrame:
    """Read a batch's records once more: the stream carries only what is loaded."""
    options = range_options(run.settings, contract.topic, *batches.offset_range(table))
    return run.spark.read.format("kafka").options(**options).load().transform(to_records)


def fact_target(contract: Contract) -> Target:
    """Say where fact lines go."""
    return Target(contract.table, load_lines.fact_columns(contract))


def reject_target(contract: Contract, epoch: Epoch) -> Target:
    """Say where reject lines go."""
    return Target(
        "reject",
        load_lines.REJECT_COLUMNS,
        hex_columns=frozenset({"message_key", "raw"}),
        constants={
            "dataset": contract.name,
            "topic_id": epoch.topic_id,
            "contract_version": contract.version,
        },
        now_columns=("rejected_at",),
    )


def _start_bronze(run: Run, contract: Contract, starts: Starts, watch: TopicWatch) -> StreamingQuery:
    sink = BronzeSink(
        path=delta.bronze_path(run.settings.lake.root, contract.name),
        dataset=contract.name,
        topic_id=starts.epoch.topic_id,
        run_id=run.run_id,
        scratch=run.scratch / f"{contract.name}-bronze-files",
        transform=lambda kafka: to_bronze(kafka, topic_id=starts.epoch.topic_id, epoch=starts.epoch.number),
        version=starts.transaction,
    )

    def write(batch: DataFrame, batch_id: int) -> None:
        watch.check()
        sink.write(batch, batch_id)

    # Half of the slots: a batch of bronze takes a second, and MySQL's must not wait for one.
    slots = max(1, run.spark.sparkContext.defaultParallelism // 2)
    records = _read(run, contract, starts.bronze, headers=True).coalesce(slots)
    return _stream(
        run, records, write, name=f"{contract.name}-bronze", trigger_ms=run.settings.ingest.bronze_trigger_ms
    )


def _read(run: Run, contract: Contract, positions: dict[int, int], *, headers: bool = False) -> DataFrame:
    options = stream_options(run.settings, contract.topic, positions) | {
        "includeHeaders": str(headers).lower()
    }
    return run.spark.readStream.format("kafka").options(**options).load()


def _stream(
    run: Run, frame: DataFrame, write: Callable[[DataFrame, int], None], *, name: str, trigger_ms: int
) -> StreamingQuery:
    trigger: dict[str, Any] = (
        {"availableNow": True} if run.drain else {"processingTime": f"{trigger_ms} milliseconds"}
    )
    run.spark.sparkContext.setLocalProperty("spark.scheduler.pool", name)
    return (
        frame.writeStream.foreachBatch(run.guard(name, write))
        .queryName(name)
        .option("checkpointLocation", str(run.scratch / name))
        .trigger(**trigger)
        .start()
    )


def _watch(run: Run, queries: list[StreamingQuery], stop: threading.Event) -> None:
    """Return when all is drained or a signal came; raise what broke a query."""
    while not stop.is_set():
        is_done = not any(query.isActive for query in queries) and all(one.is_idle for one in run.behind)
        for query in queries:
            if not query.isActive:
                _raise_failure(run, query.name, query.exception())
        for behind in run.behind:
            _raise_failure(run, behind.name, behind.failure)
        if is_done:
            return
        stop.wait(_POLL_S)


def _stop(run: Run, query: StreamingQuery) -> None:
    """Stop a query between two batches if one ends soon; a batch cut off is only work done twice."""
    deadline = time.monotonic() + _LAST_BATCH_S
    while query.isActive and query.status["isTriggerActive"] and time.monotonic() < deadline:
        time.sleep(_POLL_S / 10)
    run.stopping.add(query.name)
    query.stop()


def _finish(run: Run) -> None:
    """Let what is still being written come to its end if that is soon."""
    for behind in run.behind:
        if not behind.wait(_LAST_BATCH_S):
            log.info("%s: the last batch was cut off", behind.name)


def _raise_failure(run: Run, name: str, error: BaseException | None) -> None:
    if error is None:
        return
    cause = run.failure or error
    if isinstance(cause, CourantError):
        raise cause
    if ours := unwritable(f"the output of the query {name}", cause):
        raise ours from cause
    try:
        check_broker(run.settings)
    except KafkaDownError as down:  # then that is why; Spark says it in words of its own
        raise down from cause
    raise IngestError(
        f"The query {name} ended: {_first_line(cause)}",
        remedy="start it again (nothing is lost or doubled); COURANT_DEBUG=1 shows the whole trace",
    ) from cause


def _checkpoints(settings: Settings) -> Path:
    """Give the folder of all runs' checkpoints."""
    return settings.lake.root / "_checkpoints"


def _clear_checkpoints(settings: Settings) -> None:
    """Remove those of runs long dead."""
    for old in _checkpoints(settings).glob("*"):
        with suppress(FileNotFoundError):  # another start was quicker
            if time.time() - old.stat().st_mtime > _KEEP_CHECKPOINTS_S:
                shutil.rmtree(old, ignore_errors=True)
