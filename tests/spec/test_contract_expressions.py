"""The contracts' Spark SQL says what it means, on drawn rows and on the real years."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from courant.domain.contract import Contract, Field, FieldType, load_contracts

ROOT = Path(__file__).resolve().parents[2]
REAL_DATA = Path(os.environ.get("COURANT_REAL_DATA") or ROOT.parent / "shared" / "data") / "enedis"
CONTRACTS = load_contracts(ROOT / "contracts")
BIGINT_MAX = 9_223_372_036_854_775_807

POWER_RANGES = """
    P0: Total <= 36 kVA    | true  |    0 |   36
    P1: ]0-3] kVA          | false |    0 |    3
    P1 : ]0-12] kVA        | false |    0 |   12
    P9: ]30-36] kVA        | false |   30 |   36
    P1: ]36-120] kVA       | false |   36 |  120
    P3: Total ]36-250] kVA | true  |   36 |  250
    P5: ]1000-2000] kVA    | false | 1000 | 2000
    P6: > 2000 kVA         | false | 2000 | none
    P7: Total > 250 kVA    | true  |  250 | none
    no range               | false | none | none
    ]1-99999999999999]     | false |    1 | none
"""

# what is in the record | the rules it breaks
CONSUMPTION = [
    ({}, set()),
    ({"total": 5_000, "curve_1": "250.500", "curve_2": "0", "both": "18000"}, set()),
    ({"total": -1}, {"energy_is_not_negative"}),
    ({"total": 1, "both": "-0.001"}, {"energy_is_not_negative"}),
    ({"curve_1": "250"}, {"total_is_masked_only_when_every_curve_is"}),
    ({"total": 1, "index_1": "S"}, set()),
    ({"total": 1, "index_1": "< 1", "curve_1": "250"}, set()),
    ({"total": 1, "index_2": "S", "curve_2": "250"}, {"secret_curve_is_masked"}),
    ({"total": 1, "curve_1": "18000.001"}, {"mean_curve_is_plausible"}),
    (
        {"curve_1": "-1", "index_1": "S"},
        {"energy_is_not_negative", "total_is_masked_only_when_every_curve_is", "secret_curve_is_masked"},
    ),
]
CONSUMPTION_FIELDS = {
    "total": "total_energie_soutiree_wh",
    "curve_1": "courbe_moyenne_ndeg1_wh",
    "curve_2": "courbe_moyenne_ndeg2_wh",
    "both": "courbe_moyenne_ndeg1_ndeg2_wh",
    "index_1": "indice_representativite_courbe_ndeg1",
    "index_2": "indice_representativite_courbe_ndeg2",
}

# 100 in, 10 out to RTE, 5 to others, 40 produced, 3 lost: 122 consumed
SOUND_BALANCE = {
    "injection_rte": 100,
    "soutirage_rte": 10,
    "soutirage_vers_autres_grd": 5,
    "production_totale": 40,
    "pertes": 3,
    "consommation_totale": 122,
    "consommation_telerelevee_hta": 60,
    "consommation_telerelevee_btsup": 20,
    "consommation_telerelevee_professionnelle": 10,
    "consommation_telerelevee_residentielle": 10,
    "consommation_profilee_ent_hta": 10,
    "consommation_profilee_ent_bt": 5,
    "consommation_profilee_pro": 4,
    "consommation_profilee_res": 3,
}
BALANCE = [
    ({}, set()),
    ({"pertes": 4, "consommation_profilee_res": 5}, set()),  # 1 W and 2 W of rounding
    ({"pertes": 5}, {"balance_identity_holds"}),
    ({"pertes": 1}, {"balance_identity_holds"}),
    ({"consommation_profilee_res": 6}, {"consumption_parts_add_up"}),
    ({"pertes": None, "consommation_profilee_pro": None}, set()),
    (
        {"consommation_totale": -1},
        {"total_consumption_is_not_negative", "balance_identity_holds", "consumption_parts_add_up"},
    ),
    ({"injection_rte": BIGINT_MAX, "production_totale": BIGINT_MAX}, {"balance_identity_holds"}),
]


@pytest.mark.parametrize("name", ["consumption_inf36", "consumption_sup36"])
def test_consumption_rules(spark: SparkSession, name: str) -> None:
    contract = CONTRACTS[name]
    rows = [{CONSUMPTION_FIELDS[k]: v for k, v in row.items()} for row, _ in CONSUMPTION]
    own = {rule.name for rule in contract.rules}
    assert broken(typed(spark, contract, rows), contract) == [rules & own for _, rules in CONSUMPTION]


def test_balance_rules(spark: SparkSession) -> None:
    rows: list[dict[str, Any]] = [SOUND_BALANCE | change for change, _ in BALANCE]
    frame = typed(spark, CONTRACTS["balance"], rows)
    assert broken(frame, CONTRACTS["balance"]) == [rules for _, rules in BALANCE]


@pytest.mark.parametrize("name", ["consumption_inf36", "consumption_sup36"])
def test_power_ranges_are_read_from_their_text(spark: SparkSession, name: str) -> None:
    drawn = [[cell.strip() for cell in line.split("|")] for line in POWER_RANGES.strip().splitlines()]
    field, *computed = CONTRACTS[name].dimension("power_range").columns
    frame = spark.createDataFrame([(text,) for text, *_ in drawn], f"{field.name} string")
    columns = [F.coalesce(F.expr(c.expression).cast("string"), F.lit("none")) for c in computed]
    assert [list(row) for row in frame.select(field.name, *columns).collect()] == drawn


def test_every_rule_and_column_can_be_computed(spark: SparkSession) -> None:
    for contract in CONTRACTS.values():
        expressions = [r.expression for r in contract.rules]
        expressions += [c.expression for d in contract.dimensions for c in d.columns]
        typed(spark, contract, [{}]).select(*map(F.expr, expressions)).collect()


def test_both_identities_hold_in_every_row_of_the_real_years(spark: SparkSession) -> None:
    paths = sorted(map(str, REAL_DATA.glob("bilan_electrique_*_halfhourly.csv")))
    if not paths:
        pytest.skip(f"the real files are not beside the project: {REAL_DATA}")
    texts = spark.read.csv(paths, sep=";", header=True).withColumn("consommation_hta", F.lit(None))
    contract = CONTRACTS["balance"]
    frame = texts.select(*(F.col(f.name).cast(spark_type(f)).alias(f.name) for f in contract.fields))
    holds = [F.count_if(F.expr(rule.expression)) for rule in contract.rules]
    assert list(frame.select(F.count("*"), *holds).first() or ()) == [48_434] * 4


def typed(spark: SparkSession, contract: Contract, rows: list[dict[str, Any]]) -> DataFrame:
    """Make rows of the contract's fields; what a row leaves out is null."""
    texts = [[None if row.get(f.name) is None else str(row[f.name]) for f in contract.fields] for row in rows]
    frame = spark.createDataFrame(texts, ", ".join(f"{f.name} string" for f in contract.fields)).coalesce(1)
    return frame.select(*(F.col(f.name).cast(spark_type(f)).alias(f.name) for f in contract.fields))


def spark_type(field: Field) -> str:
    return {
        FieldType.STRING: "string",
        FieldType.INTEGER: "bigint",
        FieldType.DECIMAL: f"decimal({field.precision},{field.scale})",
        FieldType.INSTANT: "timestamp",
    }[field.type]


def broken(frame: DataFrame, contract: Contract) -> list[set[str]]:
    """Give, per row, the names of the rules that are false; null passes."""
    columns = [F.expr(rule.expression).alias(rule.name) for rule in contract.rules]
    return [
        {name for name, holds in row.asDict().items() if holds is False}
        for row in frame.select(*columns).collect()
    ]
