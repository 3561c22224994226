"""A disk that takes nothing more, whoever met it: Java, Python, Delta or MySQL."""

from __future__ import annotations

from courant.errors import DiskFullError, NotWritableError

_FULL = "No space left on device"
_DENIED = ("Read-only file system", "Permission denied")


def unwritable(path: str, error: BaseException) -> DiskFullError | NotWritableError | None:
    """Say what was to be written, and in whose words it cannot be; None for any other error."""
    for line in str(error).splitlines():
        if _FULL in line:
            return DiskFullError(
                f"No room left to write {path}: {line.strip()}",
                remedy="free some, then run it again: nothing is lost",
            )
        if any(words in line for words in _DENIED):
            return NotWritableError(
                f"No right to write {path}: {line.strip()}",
                remedy="let this account write there (`ls -ld`, `findmnt -T`), then run it again: nothing is lost",
            )
    return None
