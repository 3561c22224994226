"""How each layer stands, from the topic to the documents: read from logs and servers, without a JVM."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from pymysql.connections import Connection

from courant.domain.contract import Contract
from courant.errors import CourantError
from courant.layers import lake
from courant.layers.mongo import read_documents
from courant.settings import Settings
from courant.stores.kafka import TopicState, check_broker, describe_topic
from courant.stores.mysql.aggregates import newest_slot
from courant.stores.mysql.checks import count_rows
from courant.stores.mysql.connection import query, session
from courant.stores.mysql.day_changes import has_table
from courant.stores.runs import RunRecord, read_runs

#: In the order in which data flows.
LAYERS = ("kafka", "mysql", "bronze", "silver", "rejects", "gold", "mongo")
_JOBS = {
    "silver": "build_silver",
    "rejects": "build_silver",
    "gold": "build_gold",
    "mongo": "publish_aggregates",
}

Topics = dict[str, TopicState | CourantError]
Runs = dict[tuple[str, str | None], RunRecord]


@dataclass(frozen=True, slots=True)
class LayerStatus:
    """One data set in one layer; None where the layer does not know it."""

    layer: str
    dataset: str
    rows: int | None = None  # records, facts, half hours or documents; None: never made, or not reached
    last_slot: datetime | None = None  # start of the newest one, UTC
    lag: int | None = None  # what it has not taken yet of the layer before it
    lag_unit: str = "records"
    last_run: datetime | None = None  # UTC; of the job, or the sink's newest batch
    last_run_ok: bool = True
    last_reconcile: datetime | None = None
    reconcile_ok: bool | None = None
    problem: str = ""  # one line: why the layer could not be asked


def read_layers(settings: Settings, contracts: Iterable[Contract]) -> list[LayerStatus]:
    """Ask every layer for every data set; by data set, then in the order in which data flows.

    A server that is down is a line in `problem`, never an error.
    """
    chosen, runs = list(contracts), read_runs(settings.lake.root)
    with ThreadPoolExecutor(2) as pool:  # each may take seconds to be found down
        documents = pool.submit(_mongo, settings, chosen)
        topics = pool.submit(_topics, settings, chosen).result()
    found = [
        *_kafka(chosen, topics),
        *_mysql(settings, chosen, topics),
        *_bronze(settings, chosen, topics),
        *(one for contract in chosen for one in _lake(settings, contract)),
        *documents.result(),
    ]
    order = {contract.name: number for number, contract in enumerate(chosen)}
    found.sort(key=lambda one: (order[one.dataset], LAYERS.index(one.layer)))
    return [_with_runs(one, runs) for one in found]


def read_bronze(settings: Settings, contracts: Iterable[Contract]) -> list[LayerStatus]:
    """Ask bronze, and Kafka for its lag, alone."""
    chosen = list(contracts)
    return _bronze(settings, chosen, _topics(settings, chosen))


def read_lags(settings: Settings, contract: Contract) -> dict[str, int]:
    """Count what each sink has not taken yet of its topic, in records; a sink that was never made is left out.

    Raises
    ------
    KafkaDownError, TopicMissingError, MySQLDownError, AccessDeniedError
        If a server is away or refuses the account, or there is no topic.
    """
    topic = describe_topic(settings, contract.topic)
    with session(settings, "reader") as connection:
        is_made = has_table(connection, contract.table) and has_table(connection, "ingest_offset")
        facts = _facts_lag(connection, contract, topic) if is_made else None
    bronze = lake.measure_bronze(settings.lake.root, contract)
    appended = None if bronze.rows is None else _behind(topic, bronze.positions(topic.topic_id))
    return {sink: lag for sink, lag in (("MySQL", facts), ("bronze", appended)) if lag is not None}


def to_document(layers: Iterable[LayerStatus]) -> dict[str, Any]:
    """Give plain values: per data set and layer what was found, times in ISO 8601."""
    document: dict[str, Any] = {}
    for one in layers:
        values = {name: _plain(value) for name, value in asdict(one).items()}
        document.setdefault(values.pop("dataset"), {})[values.pop("layer")] = values
    return document


def _topics(settings: Settings, contracts: list[Contract]) -> Topics:
    """Ask the broker for each topic, and only once whether it is there."""
    try:
        check_broker(settings)
    except CourantError as error:
        return {contract.name: error for contract in contracts}
    return {contract.name: _topic(settings, contract) for contract in contracts}


def _topic(settings: Settings, contract: Contract) -> TopicState | CourantError:
    try:
        return describe_topic(settings, contract.topic)
    except CourantError as error:
        return error


def _kafka(contracts: list[Contract], topics: Topics) -> list[LayerStatus]:
    found = []
    for contract in contracts:
        topic = topics[contract.name]
        if isinstance(topic, CourantError):
            found.append(_unreached("kafka", contract, topic))
        else:
            kept = sum(topic.log_end.values()) - sum(topic.log_start.values())
            found.append(LayerStatus("kafka", contract.name, kept))
    return found


def _mysql(settings: Settings, contracts: list[Contract], topics: Topics) -> list[LayerStatus]:
    try:
        with session(settings, "reader") as connection:
            return [_facts(connection, contract, topics[contract.name]) for contract in contracts]
    except CourantError as error:
        return [_unreached("mysql", contract, error) for contract in contracts]


def _facts(connection: Connection[Any], contract: Contract, topic: TopicState | CourantError) -> LayerStatus:
    if not (has_table(connection, contract.table) and has_table(connection, "ingest_batch")):
        return LayerStatus("mysql", contract.name)
    batches = "SELECT MAX(committed_at) AS newest FROM ingest_batch WHERE dataset = %s"
    newest = query(connection, batches, (contract.name,))[0]["newest"]
    return LayerStatus(
        "mysql",
        contract.name,
        count_rows(connection, contract),
        newest_slot(connection, contract),
        _facts_lag(connection, contract, topic),
        last_run=newest and newest.replace(tzinfo=UTC),
    )


def _facts_lag(
    connection: Connection[Any], contract: Contract, topic: TopicState | CourantError
) -> int | None:
    if isinstance(topic, CourantError):
        return None
    sql = "SELECT partition_id, next_offset FROM ingest_offset WHERE dataset = %s AND topic_id = %s"
    rows = query(connection, sql, (contract.name, topic.topic_id))
    return _behind(topic, {row["partition_id"]: row["next_offset"] for row in rows})


def _bronze(settings: Settings, contracts: list[Contract], topics: Topics) -> list[LayerStatus]:
    found = []
    for contract in contracts:
        bronze, topic = lake.measure_bronze(settings.lake.root, contract), topics[contract.name]
        lag = None if isinstance(topic, CourantError) else _behind(topic, bronze.positions(topic.topic_id))
        found.append(
            LayerStatus("bronze", contract.name, bronze.rows, lag=lag, last_run=bronze.last_append)
            if bronze.rows is not None
            else LayerStatus("bronze", contract.name)
        )
    return found


def _behind(topic: TopicState, positions: dict[int, int]) -> int:
    """Count the offsets from positions to the stable end; from the log's start where there is none."""
    starts = topic.log_start | positions
    return sum(max(end - starts[partition], 0) for partition, end in topic.stable_end.items())


def _lake(settings: Settings, contract: Contract) -> list[LayerStatus]:
    measured = lake.measure_derived(settings.lake.root, contract)
    return [
        LayerStatus(layer, contract.name, one.rows, one.last_slot, one.lag, one.lag_unit)
        for layer, one in measured.items()
    ]


def _mongo(settings: Settings, contracts: list[Contract]) -> list[LayerStatus]:
    try:
        found = read_documents(settings, contracts)
    except CourantError as error:
        return [_unreached("mongo", contract, error) for contract in contracts]
    return [
        LayerStatus("mongo", name, one.rows, one.last_slot, one.lag, one.lag_unit)
        for name, one in found.items()
    ]


def _unreached(layer: str, contract: Contract, error: CourantError) -> LayerStatus:
    return LayerStatus(layer, contract.name, problem=error.message)


def _with_runs(one: LayerStatus, runs: Runs) -> LayerStatus:
    run, proof = (runs.get((job, one.dataset)) for job in (_JOBS.get(one.layer, ""), "reconcile_layers"))
    known = replace(one, last_run=run.finished_at, last_run_ok=run.ok) if run else one
    return replace(known, last_reconcile=proof.finished_at, reconcile_ok=proof.ok) if proof else known


def _plain(value: Any) -> Any:  # noqa: ANN401 - any field's value
    return value.isoformat() if isinstance(value, datetime) else value
