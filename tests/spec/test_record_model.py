"""Drawn records, of which it is known what each means: exactly the bad ones are rejected."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from independent_check import SHAPES, newest_values
from ingesting import CONTRACTS
from pyspark.sql import SparkSession
from record_model import RECORDS, Drawn, draw_records

from courant.transforms.records import with_typed_fields, with_verdict

DATASET = "consumption_inf36"


@pytest.fixture(scope="module", params=[1, 2])
def drawn(request: pytest.FixtureRequest) -> Drawn:
    return draw_records(request.param, 3_000)


def test_the_independent_check_reads_them_as_they_were_meant(drawn: Drawn) -> None:
    values = {(0, offset): value for offset, (_, value) in enumerate(drawn.records)}

    newest, bad = newest_values(values, SHAPES[DATASET])

    assert newest == drawn.newest
    assert bad == {(0, offset) for offset in drawn.bad}


def test_the_contract_rejects_the_bad_ones_and_no_other(spark: SparkSession, drawn: Drawn) -> None:
    arrived = datetime(2026, 3, 30, tzinfo=UTC)
    rows = [(0, offset, arrived, key, value) for offset, (key, value) in enumerate(drawn.records)]
    contract = CONTRACTS[DATASET]

    judged = spark.createDataFrame(rows, RECORDS).transform(with_typed_fields(contract))
    rejected = judged.transform(with_verdict(contract)).where("_broken_rules IS NOT NULL").select("_offset")

    assert {row["_offset"] for row in rejected.collect()} == drawn.bad
