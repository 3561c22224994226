"""What Delta says when a write fails, as our errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException

from courant.errors import AnotherWriterError
from courant.stores.unwritable import unwritable


@contextmanager
def lake_errors(path: str) -> Iterator[None]:
    """Turn a disk that takes nothing more and another job's conflicting commit into our errors; any other passes.

    Raises
    ------
    AnotherWriterError
        If another job changed the same part of the table at the same time; nothing was written.
    DiskFullError
        If the lake has no room left.
    NotWritableError
        If it may not be written to.
    """
    try:
        yield
    except (PySparkException, Py4JJavaError) as error:
        if ours := unwritable(path, error):
            raise ours from error
        text = str(error)
        if "DELTA_CONCURRENT" in text or "Concurrent" in text.split(":", maxsplit=1)[0]:
            raise another_job(path) from error
        raise


def another_job(path: str) -> AnotherWriterError:
    """Say that a table changed while it was to be written."""
    return AnotherWriterError(
        f"Another job changed {path} at the same time; nothing was written",
        remedy="wait until it ends, then run this again",
    )
