"""From a published file through Kafka to MySQL and bronze, and proved by two opinions."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest
from ingesting import CONTRACTS, ROOT, ask, disagreements, drain, own_sinks, own_topic
from pyspark.sql import SparkSession

from courant.domain.contract import Contract
from courant.generate import generate_file
from courant.reconcile import reconcile
from courant.replay import replay
from courant.settings import Settings

REAL_YEAR = (
    Path(os.environ.get("COURANT_REAL_DATA") or ROOT.parent / "shared" / "data")
    / "enedis"
    / "bilan_electrique_2023_halfhourly.csv"
)
BALANCE_IDENTITY = (
    "ABS(injection_rte - soutirage_rte - soutirage_vers_autres_grd + production_totale - pertes"
    " - consommation_totale)"
)
PARTS_IDENTITY = (
    "ABS(consommation_telerelevee_hta + consommation_telerelevee_btsup + consommation_telerelevee_professionnelle"
    " + consommation_telerelevee_residentielle + consommation_profilee_ent_hta + consommation_profilee_ent_bt"
    " + consommation_profilee_pro + consommation_profilee_res - consommation_totale)"
)


def stream(spark: SparkSession, settings: Settings, contract: Contract, file: Path) -> None:
    """Replay a file and drain it."""
    result = replay(settings, contract, file)
    assert (result.failed, result.acknowledged) == (0, result.sent)
    drain(spark, settings, contract)


def check_balance(
    spark: SparkSession, settings: Settings, contract: Contract, file: Path, *, slots: int
) -> None:
    stream(spark, settings, contract, file)

    assert ask(settings, "SELECT COUNT(*) FROM v_balance") == [(slots,)]
    assert ask(settings, "SELECT COUNT(*) FROM reject") == [(0,)]
    largest = ask(settings, f"SELECT MAX({BALANCE_IDENTITY}), MAX({PARTS_IDENTITY}) FROM v_balance")[0]
    assert largest[0] <= 1
    assert largest[1] <= 2
    found = reconcile(spark, settings, contract)
    assert (found.produced, found.bronze, found.accepted, found.mysql) == (slots,) * 4
    assert disagreements(spark, settings, contract) == []


@pytest.mark.skipif(not REAL_YEAR.exists(), reason=f"the real file is not beside the project: {REAL_YEAR}")
def test_the_real_year_2023_arrives_whole_and_its_identities_hold_in_sql(
    stack: Settings, spark: SparkSession, tmp_path: Path
) -> None:
    settings = own_sinks(stack, "real_year", tmp_path)
    contract = own_topic(CONTRACTS["balance"], settings, "e2e.real_year", partitions=4)
    check_balance(spark, settings, contract, REAL_YEAR, slots=365 * 48)


def test_a_generated_month_arrives_whole_and_its_identities_hold_in_sql(
    stack: Settings, spark: SparkSession, tmp_path: Path
) -> None:
    settings = own_sinks(stack, "generated_month", tmp_path)
    contract = own_topic(CONTRACTS["balance"], settings, "e2e.generated_month", partitions=4)
    generate_file(contract, tmp_path / "month.csv", start=date(2023, 3, 1), days=31, seed=7)
    check_balance(
        spark, settings, contract, tmp_path / "month.csv", slots=31 * 48 - 2
    )  # the clock goes forward


def test_days_of_46_and_50_slots_and_accents_survive_every_hop(
    stack: Settings, spark: SparkSession, tmp_path: Path
) -> None:
    settings = own_sinks(stack, "clock_changes", tmp_path)
    contract = own_topic(CONTRACTS["consumption_sup36"], settings, "e2e.clock_changes", partitions=2)
    slots = {date(2026, 3, 29): 46, date(2026, 10, 25): 50}
    for day in slots:
        file = tmp_path / f"{day}.csv"
        generate_file(contract, file, start=day, days=1, regions=["75", "93"], seed=7)
        replay(settings, contract, file)

    drain(spark, settings, contract)

    counted = ask(
        settings,
        "SELECT MONTH(slot_start_utc) < 6, COUNT(DISTINCT slot_start_utc), COUNT(*)"
        " FROM v_consumption GROUP BY 1 ORDER BY 1",
    )
    segments = 56 * 2  # of two regions
    assert counted == [(0, 50, 50 * segments), (1, 46, 46 * segments)]
    regions = ask(settings, "SELECT DISTINCT region_code, region FROM v_consumption ORDER BY 1")
    assert regions == [("75", "Nouvelle Aquitaine"), ("93", "Provence-Alpes-Côte d'Azur")]
    assert ask(settings, "SELECT COUNT(*) FROM sector WHERE secteur_activite = 'S4: Non Affecté'") == [(1,)]
    assert disagreements(spark, settings, contract) == []
