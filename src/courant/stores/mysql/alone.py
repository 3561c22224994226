"""One slow path at a time for a data set, one daily model at all, on whatever machine; the stream runs on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pymysql
from pymysql.connections import Connection

from courant.errors import AnotherWriterError
from courant.settings import Settings
from courant.stores.mysql.connection import query, session

_PATIENCE_S = 7 * 86_400  # a connection that says nothing for longer is closed, and the lock with it
_NAME = "SHA1(CONCAT(DATABASE(), '/', %s))"  # names of locks are the whole server's


@contextmanager
def alone(settings: Settings, work: str) -> Iterator[Callable[[], None]]:
    """Hold the server's lock of a data set, or of another work; a killed holder's goes with its connection.

    Yields
    ------
    callable
        Raises AnotherWriterError if the lock is not held any more, as after the server was started anew: for who works
        long before it writes.

    Raises
    ------
    AnotherWriterError
        If another job holds it.
    """
    with session(settings, "writer") as connection:
        if not query(connection, f"SELECT GET_LOCK({_NAME}, 0) AS got", (work,))[0]["got"]:
            raise AnotherWriterError(
                f"Another job that has to be alone is at work on {work}",
                remedy="wait until it ends, then run this again",
            )
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION wait_timeout = %s", (_PATIENCE_S,))
        yield lambda: _check(connection, work)


def _check(connection: Connection[Any], work: str) -> None:
    try:
        [found] = query(connection, f"SELECT IS_USED_LOCK({_NAME}) = CONNECTION_ID() AS is_held", (work,))
    except pymysql.err.MySQLError:
        found = {"is_held": False}
    if not found["is_held"]:
        raise AnotherWriterError(
            f"The lock of {work} was lost: its connection to MySQL ended, and another job may be at work",
            remedy="run this again",
        )
