"""What conf/ leaves out of Spark's optimiser for the ingest."""

from __future__ import annotations

from ingesting import ingest_properties
from pyspark.sql import SparkSession


def test_each_rule_that_is_left_out_is_one_that_spark_has_and_lets_go(spark: SparkSession) -> None:
    optimizer = spark._jsparkSession.sessionState().optimizer()
    batches, fixed = optimizer.defaultBatches(), optimizer.nonExcludableRules()
    rules = {
        batches.apply(i).rules().apply(j).ruleName()
        for i in range(batches.size())
        for j in range(batches.apply(i).rules().size())
    }
    kept = {fixed.apply(i) for i in range(fixed.size())}

    left_out = set(ingest_properties()["spark.sql.optimizer.excludedRules"].split(","))

    assert left_out <= rules - kept
