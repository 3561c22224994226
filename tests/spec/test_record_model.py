"""Drawn records, of which it is known what each means: exactly the bad ones are rejected."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from independent_check import SHAPES, newest_values
from ingesting import CONTRACTS
from pyspark.sql import SparkSession
from record_model import Sent, send_into

from courant.transforms.records import with_typed_fields, with_verdict

DATASET = "consumption_inf36"
RECORDS = "_partition int, _offset bigint, _timestamp timestamp, _key binary, _value binary"


@pytest.fixture(scope="module", params=[1, 2])
def sent(request: pytest.FixtureRequest) -> Sent:
    made = Sent()
    send_into(made, request.param, 3_000)
    return made


def test_the_independent_check_reads_them_as_they_were_meant(sent: Sent) -> None:
    values = {(0, offset): value for offset, (_, value) in enumerate(sent.records)}

    newest, bad = newest_values(values, SHAPES[DATASET])

    assert newest == sent.newest
    assert len(bad) == sent.bad


def test_the_contract_rejects_the_bad_ones_and_no_other(spark: SparkSession, sent: Sent) -> None:
    arrived = datetime(2026, 3, 30, tzinfo=UTC)
    rows = [(0, offset, arrived, key, value) for offset, (key, value) in enumerate(sent.records)]
    values = {(0, offset): value for offset, (_, value) in enumerate(sent.records)}
    contract = CONTRACTS[DATASET]

    judged = spark.createDataFrame(rows, RECORDS).transform(with_typed_fields(contract))
    rejected = judged.transform(with_verdict(contract)).where("_broken_rules IS NOT NULL").select("_offset")

    assert {(0, row["_offset"]) for row in rejected.collect()} == newest_values(values, SHAPES[DATASET])[1]
