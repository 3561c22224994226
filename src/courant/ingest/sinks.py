"""The two sinks of a data set, opened where they stand."""

from __future__ import annotations

from dataclasses import dataclass

from courant.domain.contract import Contract
from courant.ingest.start import SinkState, check_start
from courant.settings import Settings
from courant.stores import delta
from courant.stores.kafka import TopicState
from courant.stores.mysql import positions as mysql_positions
from courant.stores.mysql.connection import session
from courant.stores.mysql.migrate import upgrade
from courant.stores.mysql.positions import Epoch
from courant.stores.mysql.schema import create_tables


@dataclass(frozen=True, slots=True)
class Starts:
    """Where both sinks of one data set read on."""

    epoch: Epoch
    mysql: dict[int, int]
    bronze: dict[int, int]
    transaction: int  # bronze's last one, not newer than its positions


def create_layers(settings: Settings, contract: Contract) -> None:
    """Make the tables of a data set where they are missing, as the owner."""
    upgrade(settings)
    with session(settings, "owner") as connection:
        create_tables(connection, contract)
    delta.create_bronze(delta.bronze_path(settings.lake.root, contract.name))


def read_states(settings: Settings, contract: Contract) -> tuple[SinkState, SinkState]:
    """Read what MySQL and bronze have committed."""
    with session(settings, "writer") as connection:
        epochs = mysql_positions.read_epochs(connection, contract.name)
        stored = (
            mysql_positions.read_positions(connection, contract.name, epochs[-1].topic_id) if epochs else {}
        )
    path = delta.bronze_path(settings.lake.root, contract.name)
    lives = delta.read_epochs(path)
    highest = delta.read_positions(path, lives[-1]) if lives else {}
    return (
        SinkState("MySQL", contract.name, tuple(epoch.topic_id for epoch in epochs), stored),
        SinkState("bronze", contract.name, tuple(life.topic_id for life in lives), highest),
    )


def open_starts(settings: Settings, contract: Contract, topic: TopicState) -> Starts:
    """Check both sinks against the topic; a sink that has never read begins at the log's start.

    Raises
    ------
    TopicRecreatedError, PartitionsChangedError, OffsetsLostError
        If reading on would skip a record; see `check_start`.
    """
    path = delta.bronze_path(settings.lake.root, contract.name)
    # Before the positions: if another ingest commits in between, our first commit must fail, not repeat its records.
    transaction = delta.transaction_version(path, delta.app_id(contract.name, topic.topic_id))
    mysql, bronze = read_states(settings, contract)
    check_start(mysql, topic)
    check_start(bronze, topic)
    epoch = epoch_of(topic, mysql, bronze)
    if not mysql.topic_ids:
        adopt_in_mysql(settings, contract, epoch, topic.log_start)
    if not bronze.topic_ids:
        adopt_in_bronze(settings, contract, epoch, topic.log_start)
    return Starts(epoch, mysql.positions or topic.log_start, bronze.positions or topic.log_start, transaction)


def epoch_of(topic: TopicState, mysql: SinkState, bronze: SinkState) -> Epoch:
    """Give the topic's present life its number: the one a sink has given it, else the next."""
    lives = max(mysql.topic_ids, bronze.topic_ids, key=len)
    return Epoch(lives.index(topic.topic_id) if topic.topic_id in lives else len(lives), topic.topic_id)


def move_mysql(settings: Settings, contract: Contract, epoch: Epoch, positions: dict[int, int]) -> None:
    """Let MySQL read on from these offsets of the topic's present life."""
    with session(settings, "writer") as connection:
        mysql_positions.write_positions(connection, contract.name, epoch.topic_id, positions)
        connection.commit()


def adopt_in_mysql(settings: Settings, contract: Contract, epoch: Epoch, starts: dict[int, int]) -> None:
    """Let MySQL read a topic's life from these offsets on."""
    with session(settings, "writer") as connection:
        mysql_positions.add_epoch(connection, contract.name, epoch, starts)
        connection.commit()


def adopt_in_bronze(settings: Settings, contract: Contract, epoch: Epoch, starts: dict[int, int]) -> None:
    """Let bronze read a topic's life from these offsets on."""
    path = delta.bronze_path(settings.lake.root, contract.name)
    others = [life for life in delta.read_epochs(path) if life.topic_id != epoch.topic_id]
    delta.write_epochs(path, [*others, delta.BronzeEpoch(epoch.topic_id, starts)])
