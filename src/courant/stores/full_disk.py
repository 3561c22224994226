"""A disk without room, whoever met it: Java, Python, Delta or MySQL."""

from __future__ import annotations

from courant.errors import DiskFullError

_WORDS = "No space left on device"


def is_full(error: BaseException) -> bool:
    """Tell whether a disk without room is behind an error."""
    return _WORDS in str(error)


def disk_full(path: str, error: BaseException) -> DiskFullError:
    """Say what was to be written, and in whose words there is no room."""
    words = next(line.strip() for line in str(error).splitlines() if _WORDS in line)
    return DiskFullError(
        f"No room left to write {path}: {words}", remedy="free some, then run it again: nothing is lost"
    )
