"""One slow path at a time for a data set, on whatever machine; the stream runs on beside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from courant.errors import AnotherWriterError
from courant.settings import Settings
from courant.stores.mysql.connection import query, session

_NAME = "SHA1(CONCAT(DATABASE(), '/', %s))"  # names of locks are the whole server's


@contextmanager
def alone(settings: Settings, dataset: str) -> Iterator[None]:
    """Hold the data set's lock of the server; a killed holder's goes with its connection.

    Raises
    ------
    AnotherWriterError
        If another replay of rejects or rebuild holds it.
    """
    with session(settings, "writer") as connection:
        if not query(connection, f"SELECT GET_LOCK({_NAME}, 0) AS got", (dataset,))[0]["got"]:
            raise AnotherWriterError(
                f"Another replay of rejects or rebuild is at work on {dataset}",
                remedy="wait until it ends, then run this again",
            )
        yield
