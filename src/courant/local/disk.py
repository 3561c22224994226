"""Whether there is room for the servers' data."""

from __future__ import annotations

import shutil
from pathlib import Path

from courant.errors import DiskFullError

NEEDED_MB = 500
NEEDED_AT_FIRST_MB = 1500  # MariaDB's redo log alone takes 512


def check_disk(home: Path) -> int:
    """Give the free megabytes of the disk that holds a home.

    Raises
    ------
    DiskFullError
        If they are too few to start on safely.
    """
    needed = NEEDED_MB if (home / "data").exists() else NEEDED_AT_FIRST_MB
    return enough_mb(shutil.disk_usage(_existing(home)).free // 1_000_000, needed, home)


def enough_mb(free: int, needed: int, home: Path) -> int:
    """Give ``free`` back if it is at least ``needed`` (both in MB).

    Raises
    ------
    DiskFullError
        If it is less.
    """
    if free < needed:
        raise DiskFullError(
            f"{home} has {free} MB of disk left, {needed} MB are needed",
            remedy="free some disk, or set COURANT_HOME to a folder on another one",
        )
    return free


def _existing(path: Path) -> Path:
    return path if path.exists() else _existing(path.parent)
