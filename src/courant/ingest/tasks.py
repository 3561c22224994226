"""In how many tasks a batch is read."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame

_SMALL = 5_000  # records that are parsed in about the time in which a task writes its code


@dataclass(slots=True)
class BatchTasks:
    """Merges the tasks of a small batch: each would write the code of all its expressions anew.

    How large a batch is shows only when it is read; the next one is taken to be like the last.
    """

    rows: int | None = None  # of the last batch

    def fit(self, batch: DataFrame) -> DataFrame:
        """Give the batch in one task, or as it is."""
        return batch.coalesce(1) if self.rows is not None and self.rows <= _SMALL else batch
