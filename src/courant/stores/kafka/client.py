"""How every client here reaches the broker, and what its exceptions become."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_fixed

from courant.errors import AccessDeniedError, CourantError, KafkaDownError, TopicMissingError
from courant.settings import Settings

ANSWER_WITHIN_S = 8
_DOWN = {
    KafkaError._TRANSPORT,
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._TIMED_OUT,
    KafkaError._RESOLVE,
    KafkaError.REQUEST_TIMED_OUT,
    KafkaError.NETWORK_EXCEPTION,
}
_NOT_YET = {  # a topic that was just made, or whose broker just came back
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.OFFSET_NOT_AVAILABLE,
    KafkaError.UNKNOWN_LEADER_EPOCH,  # the client has heard of a leader before the broker itself
    KafkaError.FENCED_LEADER_EPOCH,
}
REFUSED = {
    KafkaError._AUTHENTICATION,
    KafkaError.SASL_AUTHENTICATION_FAILED,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
}


def client_properties(settings: Settings) -> dict[str, Any]:
    """Give what every client is told: where the broker is, and to keep quiet.

    Raises
    ------
    KafkaDownError
        If the settings name no broker.
    """
    if not settings.kafka.bootstrap_servers:
        raise down(settings, "no broker address is known")
    return {
        "bootstrap.servers": settings.kafka.bootstrap_servers,
        "log_level": 0,  # librdkafka writes to stderr by itself; errors reach us as exceptions
        "error_cb": _ignore,
        "reconnect.backoff.max.ms": 1000,
    }


def _ignore(_error: KafkaError) -> None:
    """Leave transient trouble to librdkafka, which goes on trying."""


def connect(settings: Settings) -> AdminClient:
    """Give an admin client of a broker that answers."""
    admin = AdminClient(client_properties(settings))
    admin.list_topics(timeout=ANSWER_WITHIN_S)
    return admin


def patiently(ask: Callable[..., Any], *args: object, also: Iterable[int] = ()) -> Any:  # noqa: ANN401 - ask's own
    """Ask again while the answer is that the broker is not ready yet."""
    codes = _NOT_YET | set(also)
    retrying = Retrying(
        retry=retry_if_exception(lambda e: isinstance(e, KafkaException) and code_of(e) in codes),
        stop=stop_after_delay(ANSWER_WITHIN_S),
        wait=wait_fixed(0.1),
        reraise=True,
    )
    return retrying(ask, *args)


@contextmanager
def our_errors(settings: Settings, topic: str = "") -> Iterator[None]:
    """Turn the client's exceptions into ours."""
    try:
        yield
    except KafkaException as error:
        raise our_error(settings, topic, error.args[0]) from error


def our_error(settings: Settings, topic: str, error: KafkaError) -> CourantError:
    """Choose the error of ours that an answer of the broker means."""
    if error.code() in _DOWN:
        return down(settings, error.str())
    if error.code() in REFUSED:
        return AccessDeniedError(
            f"Kafka refused the request: {error.str()}", remedy="check the broker's ACLs"
        )
    if error.code() in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC):
        return TopicMissingError(
            f"The broker at {settings.kafka.bootstrap_servers} has no topic {topic}",
            remedy="`courant replay FILE --dataset NAME` makes it",
        )
    return CourantError(f"Kafka answered {error.name()}: {error.str()}")


def down(settings: Settings, found: str) -> KafkaDownError:
    """Say where a broker was looked for, and how to get one."""
    address = settings.kafka.bootstrap_servers or "an address that is not set"
    return KafkaDownError(
        f"No Kafka broker answers at {address} ({found})",
        remedy="start the embedded one with `courant up`, or set COURANT_KAFKA_BOOTSTRAP_SERVERS to yours",
    )


def code_of(error: KafkaException) -> int:
    """Give the broker's or the client's number of an error."""
    return int(error.args[0].code())
