"""A disk without room is told in the words of whoever met it."""

from __future__ import annotations

import errno
import os

import pymysql
import pytest

from courant.stores.full_disk import disk_full, is_full

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
    told = disk_full("a table", FULL[who])

    assert is_full(FULL[who])
    assert told.message.startswith("No room left to write a table: ")
    assert "No space left on device" in told.message
    assert "\n" not in told.message


def test_another_error_is_none() -> None:
    assert not is_full(OSError(errno.EACCES, os.strerror(errno.EACCES)))
