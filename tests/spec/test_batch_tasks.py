"""Into how many tasks a batch is merged."""

from __future__ import annotations

import pytest
from pyspark.sql import SparkSession

from courant.ingest.tasks import BatchTasks


@pytest.mark.parametrize(("rows_before", "tasks"), [(None, 4), (1, 1), (5_000, 1), (5_001, 4)])
def test_a_batch_is_one_task_when_the_last_one_was_small(
    spark: SparkSession, rows_before: int | None, tasks: int
) -> None:
    batch = spark.range(1_000, numPartitions=4)

    fitted = BatchTasks(rows_before).fit(batch)

    assert fitted.rdd.getNumPartitions() == tasks
    assert sorted(row["id"] for row in fitted.collect()) == list(range(1_000))
