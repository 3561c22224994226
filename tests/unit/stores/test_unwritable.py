"""A disk that takes nothing more is told in the words of whoever met it."""

from __future__ import annotations

import errno
import os

import pymysql
import pytest

from courant.errors import DiskFullError, NotWritableError
from courant.stores.unwritable import unwritable

FULL = {
    "python": OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
    "java": RuntimeError(
        "[TASK_WRITE_FAILED]\n\tat java.base/...\nCaused by: java.io.IOException: No space left on device"
    ),
    "mysql": pymysql.err.OperationalError(
        1030, 'Got error 28 "No space left on device" from storage engine InnoDB'
    ),
}


@pytest.mark.parametrize("who", FULL)
def test_a_full_disk_is_known_by_its_words(who: str) -> None:
    told = unwritable("a table", FULL[who])

    assert type(told) is DiskFullError
    assert told.message.startswith("No room left to write a table: ")
    assert "No space left on device" in told.message
    assert "\n" not in told.message


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
def test_what_may_not_be_written_is_known_by_its_words(number: int) -> None:
    error = OSError(number, os.strerror(number), "/lake/_checkpoints")

    told = unwritable("the output", error)

    assert type(told) is NotWritableError
    assert told.message.startswith("No right to write the output: ")
    assert "/lake/_checkpoints" in told.message


def test_another_error_is_none() -> None:
    assert unwritable("a table", OSError(errno.ENOENT, os.strerror(errno.ENOENT))) is None
