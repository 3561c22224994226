"""Upkeep of one Delta table: small files become large ones, and files that no version needs are deleted.

delta-rs does both. Its commits are hard links, which never replace a commit; Spark's on a local disk are renames,
which can. So if both take one version number at once, only a commit of the upkeep can be lost, and that is noticed.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import tenacity
from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties, WriterProperties
from deltalake.exceptions import CommitFailedError, DeltaError

from courant.errors import AnotherWriterError
from courant.stores.unwritable import unwritable

log = logging.getLogger(__name__)

Result = TypeVar("Result")

FILE_BYTES = 64 * 1024 * 1024  # a partition needs one file for each of these, begun or whole
WEEK_H = 168  # what Delta itself asks for: longer than any reader or writer runs
# Two neighbours hold more than this together, so the files of a partition hold FILE_BYTES on average.
_FILLED_BYTES = 2 * FILE_BYTES
_PASSES = 3  # merged files shrink; then they are merged once more
_ATTEMPTS = 5
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 8
# Those who write data write the checkpoints; a merge writes one all the same when it is due.
_NO_HOOKS = PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False)


@dataclass(frozen=True, slots=True)
class TableSize:
    """How much a table is, in its newest version and on disk."""

    files: int  # data files of the newest version
    bytes: int
    stored_files: int  # with those of older versions, and what killed writers left; without the log
    stored_bytes: int
    crowded: int  # partitions with more files than one per FILE_BYTES


class _LostCommitError(Exception):
    """Another writer's commit stands where the upkeep's was."""


def is_table(path: str) -> bool:
    """Tell whether the folder holds a Delta table."""
    return DeltaTable.is_deltatable(path)


def measure_table(path: str) -> TableSize:
    """Measure a table by its log and its folder."""
    added = pa.table(DeltaTable(path).get_add_actions(flatten=True))
    keys = [name for name in added.column_names if name.startswith("partition.")]
    sums = added.group_by(keys).aggregate([("size_bytes", "sum"), ("size_bytes", "count")]).to_pylist()
    stored = _stored_sizes(Path(path))
    return TableSize(
        files=added.num_rows,
        bytes=sum(added["size_bytes"].to_pylist()),
        stored_files=len(stored),
        stored_bytes=sum(stored),
        crowded=sum(one["size_bytes_count"] > -(-(one["size_bytes_sum"] or 0) // FILE_BYTES) for one in sums),
    )


def optimize_table(path: str) -> None:
    """Merge small files until no partition has more than one per `FILE_BYTES`; rows, order and log state stay.

    Safe beside writers: what they append meanwhile stays as it is, until the next time.

    Raises
    ------
    AnotherWriterError
        If another writer changed the same files at every attempt.
    DiskFullError
        If there is no room for the merged files; the table is as it was.
    """
    for _ in range(_PASSES):
        if not measure_table(path).crowded:
            return
        _retried(path, lambda: _compact(path))


def vacuum_table(path: str, *, retention_hours: int) -> int:
    """Delete the files that no version of the last `retention_hours` needs; give their number.

    A file that no commit names is deleted when it is as old as that: it may be one that a writer is about to commit.
    Below `WEEK_H`, readers of an older version may find it gone.

    Raises
    ------
    AnotherWriterError
        If its commit conflicted with others' at every attempt.
    """
    return _retried(path, lambda: _vacuum(path, retention_hours))


def _compact(path: str) -> None:
    table = DeltaTable(path)
    before, mark = table.version(), uuid.uuid4().hex
    metrics = table.optimize.compact(
        target_size=_FILLED_BYTES,
        writer_properties=WriterProperties(compression="ZSTD"),
        commit_properties=CommitProperties(custom_metadata={"userMetadata": mark}),
        post_commithook_properties=_NO_HOOKS,
    )
    if metrics["numFilesRemoved"] and not _has_commit(path, mark, after=before):
        _forget_checkpoints(path, after=before)
        raise _LostCommitError(f"{path}: a commit after version {before} was replaced")


def _forget_checkpoints(path: str, *, after: int) -> None:
    """Delete the checkpoints of later versions: they may hold a commit that is lost. The log tells all they told."""
    log = Path(path, "_delta_log")
    (log / "_last_checkpoint").unlink(missing_ok=True)
    for file in log.glob("*.checkpoint*.parquet"):
        if int(file.name.split(".")[0]) > after:
            file.unlink()


def _has_commit(path: str, mark: str, *, after: int) -> bool:
    table = DeltaTable(path)
    return any(one.get("userMetadata") == mark for one in table.history(table.version() - after))


def _vacuum(path: str, retention_hours: int) -> int:
    """Commit only if there is something to delete."""
    table = DeltaTable(path)

    def vacuum(*, dry_run: bool) -> list[str]:
        return table.vacuum(
            retention_hours,
            dry_run=dry_run,
            enforce_retention_duration=retention_hours >= WEEK_H,
            full=True,  # also what killed writers left, which no commit names
            post_commithook_properties=_NO_HOOKS,
        )

    return len(vacuum(dry_run=False)) if vacuum(dry_run=True) else 0


def _retried(path: str, work: Callable[[], Result]) -> Result:
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type((CommitFailedError, _LostCommitError)),
        wait=tenacity.wait_exponential(multiplier=_FIRST_WAIT_S, max=_LONGEST_WAIT_S),
        stop=tenacity.stop_after_attempt(_ATTEMPTS),
        before_sleep=tenacity.before_sleep_log(log, logging.INFO),
        reraise=True,
    )
    try:
        return retrying(work)
    except (CommitFailedError, _LostCommitError) as error:
        raise AnotherWriterError(
            f"The upkeep of {path} met another writer's commit {_ATTEMPTS} times: {error}",
            remedy="run it again when no job rewrites this table; nothing is lost or doubled",
        ) from error
    except (DeltaError, OSError) as error:
        if ours := unwritable(path, error):
            raise ours from error
        raise


def _stored_sizes(folder: Path) -> list[int]:
    """List the sizes of the data files in a table's folder, whichever version they belong to."""
    sizes = []
    for file in folder.rglob("*.parquet"):
        if "_delta_log" not in file.relative_to(folder).parts:
            try:
                sizes.append(file.stat().st_size)
            except FileNotFoundError:  # a writer's, or another upkeep's, that is already gone
                continue
    return sizes
