"""One slow path at a time for a data set, one daily model at all, on whatever machine; the stream runs on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from courant.errors import AnotherWriterError
from courant.settings import Settings
from courant.stores.mysql.connection import query, session

_NAME = "SHA1(CONCAT(DATABASE(), '/', %s))"  # names of locks are the whole server's


@contextmanager
def alone(settings: Settings, work: str) -> Iterator[None]:
    """Hold the server's lock of a data set, or of another work; a killed holder's goes with its connection.

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
        yield
