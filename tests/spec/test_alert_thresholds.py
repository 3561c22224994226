"""Which readings raise which alerts, drawn record by record on the real contracts."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession
from record_model import RECORDS

from courant.domain.alert import Alert, from_message
from courant.domain.alert_rules import ThresholdRule
from courant.domain.contract import load_contracts
from courant.transforms.alerts import to_alerts

CONTRACTS = load_contracts(Path(__file__).resolve().parents[2] / "contracts")
ARRIVED = datetime(2026, 1, 15, 13, 0, 0, 123_000, tzinfo=UTC)
SLOT = datetime(2026, 1, 15, 12, 30, tzinfo=UTC)
BALANCE = {"horodate": SLOT.isoformat(), "consommation_totale": 122, "pertes": 3}
HOMES = {
    "horodate": SLOT.isoformat(), "region": "Île-de-France", "code_region": "11", "profil": "RES1 (+ RES1WE)",
    "plage_de_puissance_souscrite": "P2: ]3-6] kVA", "nb_points_soutirage": 1200,
    "total_energie_soutiree_wh": 336000,
}  # fmt: skip


def rule(dataset: str = "balance", **values: Any) -> ThresholdRule:
    chosen = {"name": "high", "field": "consommation_totale", "severity": "critical"} | values
    return ThresholdRule(kind="threshold", dataset=dataset, **chosen)


def alerts(spark: SparkSession, rules: list[ThresholdRule], *records: Any) -> dict[str, Alert]:
    """Give the alerts that these records raise, by `rule@offset`."""
    rows = [
        (
            3,
            offset,
            ARRIVED,
            b"key",
            record if isinstance(record, bytes | None) else json.dumps(record).encode(),
        )
        for offset, record in enumerate(records)
    ]
    contract = CONTRACTS[rules[0].dataset]
    found = spark.createDataFrame(rows, RECORDS).transform(to_alerts(contract, rules, topic_id="T")).collect()
    read = [(row["key"], from_message(row["value"].encode())) for row in found]
    assert all(key == f"{alert.rule}|{alert.subject}" for key, alert in read)
    assert len({alert.alert_id for _, alert in read}) == len(read)
    return {f"{alert.rule}@{alert.alert_id.rsplit(':', 1)[1]}": alert for _, alert in read}


def test_a_reading_beyond_a_limit_raises_an_alert_that_says_all(spark: SparkSession) -> None:
    found = alerts(spark, [rule(above=121.5)], BALANCE)

    assert list(found) == ["high@0"]
    alert = found["high@0"]
    assert (alert.alert_id, alert.kind, alert.dataset, alert.subject) == (
        "high:T:3:0",
        "threshold",
        "balance",
        "balance",
    )
    assert (alert.field, alert.value, alert.threshold, alert.unit) == (
        "consommation_totale",
        122.0,
        121.5,
        "W",
    )
    assert (alert.severity, alert.state) == ("critical", "raised")
    assert (alert.slot_start, alert.raised_at) == (SLOT, ARRIVED)


def test_a_value_on_the_limit_or_absent_raises_none(spark: SparkSession) -> None:
    readings = [BALANCE, BALANCE | {"pertes": None}, {k: v for k, v in BALANCE.items() if k != "pertes"}]

    assert alerts(spark, [rule(field="pertes", above=3, below=3)], *readings) == {}


def test_each_rule_that_a_reading_breaks_has_its_alert(spark: SparkSession) -> None:
    rules = [rule(above=100), rule(name="higher", above=120), rule(name="low", field="pertes", below=2)]

    assert sorted(alerts(spark, rules, BALANCE, BALANCE | {"consommation_totale": 110, "pertes": 1})) == [
        "high@0", "high@1", "higher@0", "low@1",
    ]  # fmt: skip


def test_a_record_that_is_no_reading_raises_none(spark: SparkSession) -> None:
    """What the contract rejects is in the rejects: an alert would be of a value that nobody takes in."""
    broken = [None, b"", b"{", BALANCE | {"consommation_totale": "much"}, BALANCE | {"horodate": "noon"}]

    assert alerts(spark, [rule(above=0)], *broken) == {}


def test_only_the_segments_that_are_meant_raise_alerts(spark: SparkSession) -> None:
    meant = rule("consumption_inf36", field="total_energie_soutiree_wh", above=1, where={"code_region": "11"})

    found = alerts(spark, [meant], HOMES, HOMES | {"code_region": "84", "region": "Auvergne-Rhône-Alpes"})

    assert {key: alert.subject for key, alert in found.items()} == {
        "high@0": "11|RES1 (+ RES1WE)|P2: ]3-6] kVA"
    }


def test_a_record_that_is_read_twice_makes_the_same_alert(spark: SparkSession) -> None:
    assert alerts(spark, [rule(above=1)], BALANCE) == alerts(spark, [rule(above=1)], BALANCE)
