"""What conf/ leaves out of Spark's optimiser for the ingest."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from ingesting import CONTRACTS, ingest_properties
from pyspark.sql import SparkSession
from record_model import RECORDS

from courant.transforms.load_lines import LOAD_COLUMNS, to_load_lines

EXCLUDED = "spark.sql.optimizer.excludedRules"


def test_each_rule_that_is_left_out_is_one_that_spark_has_and_lets_go(spark: SparkSession) -> None:
    optimizer = spark._jsparkSession.sessionState().optimizer()
    batches, fixed = optimizer.defaultBatches(), optimizer.nonExcludableRules()
    rules = {
        batches.apply(i).rules().apply(j).ruleName()
        for i in range(batches.size())
        for j in range(batches.apply(i).rules().size())
    }
    kept = {fixed.apply(i) for i in range(fixed.size())}

    left_out = set(ingest_properties()[EXCLUDED].split(","))

    assert left_out <= rules - kept


@pytest.mark.parametrize("dataset", CONTRACTS)
def test_a_contracts_plan_is_the_same_without_those_rules(spark: SparkSession, dataset: str) -> None:
    records = spark.createDataFrame([(0, 0, datetime(2026, 1, 15, tzinfo=UTC), None, b"{}")], RECORDS)
    lines = records.transform(to_load_lines(CONTRACTS[dataset], epoch=0)).select(*LOAD_COLUMNS)
    analyzed = lines._jdf.queryExecution().analyzed()
    optimizer = spark._jsparkSession.sessionState().optimizer()

    by_all_rules = optimizer.execute(analyzed).canonicalized()
    try:
        spark.conf.set(EXCLUDED, ingest_properties()[EXCLUDED])
        by_fewer = optimizer.execute(analyzed).canonicalized()
    finally:
        spark.conf.unset(EXCLUDED)

    assert by_fewer.equals(by_all_rules)
