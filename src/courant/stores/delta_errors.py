"""What Delta says when a write fails, as our errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException

from courant.errors import AnotherWriterError
from courant.stores.full_disk import disk_full, is_full


@contextmanager
def lake_errors(path: str) -> Iterator[None]:
    """Turn a full disk and another job's conflicting commit into our errors; any other passes.

    Raises
    ------
    AnotherWriterError
        If another job changed the same part of the table at the same time; nothing was written.
    DiskFullError
        If the lake has no room left.
    """
    try:
        yield
    except (PySparkException, Py4JJavaError) as error:
        if is_full(error):
            raise disk_full(path, error) from error
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
