"""Documents go from Spark to MongoDB by mongo-spark-connector: replaced by `_id`, again where that may pass."""

from __future__ import annotations

import logging

import tenacity
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame

from courant.errors import CourantError
from courant.settings import Settings
from courant.stores.mongo import server_down

log = logging.getLogger(__name__)

_ATTEMPTS, _FIRST_WAIT_S = 5, 0.3
_SERVER_AWAY = (
    "MongoTimeoutException", "MongoSocket", "MongoNotPrimaryException", "MongoNodeIsRecoveringException",
    "MongoConnectionPoolClearedException",
)  # fmt: skip
_TWO_WRITERS = ("E11000", "WriteConflict", "LockTimeout")  # both upsert one new `_id` in the same moment


def write_documents(settings: Settings, documents: DataFrame, collection: str) -> None:
    """Replace documents by `_id`, or insert those that are new; done twice, it changes nothing.

    Raises
    ------
    MongoDownError
        If the server stays away; some of the documents may be written.
    """
    writing = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_may_pass),
        wait=tenacity.wait_exponential(multiplier=_FIRST_WAIT_S),
        stop=tenacity.stop_after_attempt(_ATTEMPTS),
        before_sleep=_say,
        reraise=True,
    )
    try:
        writing(_write, settings, documents, collection)
    except (PySparkException, Py4JJavaError) as error:
        raise _translated(error, settings) from error


def write_options(settings: Settings, collection: str) -> dict[str, str]:
    """Give the connector's options of an upsert by `_id`."""
    return {
        "connection.uri": _with_timeout(settings),
        "database": settings.mongo.database,
        "collection": collection,
        "idFieldList": "_id",
        "operationType": "replace",
        "upsertDocument": "true",
        "ordered": "false",
    }


def _write(settings: Settings, documents: DataFrame, collection: str) -> None:
    options = write_options(settings, collection)
    documents.write.format("mongodb").mode("append").options(**options).save()


def _with_timeout(settings: Settings) -> str:
    """Add our patience to an address that has none of its own: the driver's is half a minute."""
    uri, option = settings.mongo.uri, "serverSelectionTimeoutMS"
    if option in uri:
        return uri
    has_path = "/" in uri.partition("://")[2]
    joint = "&" if "?" in uri else "?" if has_path else "/?"
    return f"{uri}{joint}{option}={int(settings.mongo.timeout_s * 1000)}"


def _may_pass(error: BaseException) -> bool:
    is_sparks = isinstance(error, PySparkException | Py4JJavaError)
    return is_sparks and any(sign in str(error) for sign in (*_SERVER_AWAY, *_TWO_WRITERS))


def _say(state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    found = next((sign for sign in (*_SERVER_AWAY, *_TWO_WRITERS) if sign in str(error)), "an error")
    log.warning("MongoDB: %s. Writing again (attempt %d).", found, state.attempt_number)


def _translated(error: Exception, settings: Settings) -> CourantError | Exception:
    away = next((sign for sign in _SERVER_AWAY if sign in str(error)), None)
    return server_down(settings, away) if away else error
