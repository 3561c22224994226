"""Gold from a real silver: sums that agree with the files, only changed days made anew, and a kill that heals."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pandas as pd
import polars as pl
import pytest
from deltalake import DeltaTable
from ingesting import CONTRACTS, ROOT, SHORT_LIVED
from lakes import add_to_bronze, table, values_of
from pyspark.sql import SparkSession
from waiting import wait_beside

from courant.batch.gold import build_gold, to_document
from courant.batch.silver import build_silver
from courant.domain.contract import Contract
from courant.domain.enedis import generate_days
from courant.published import read_published
from courant.session import submit_command, submit_environment
from courant.settings import Settings, load_settings
from courant.stores import delta, delta_changes
from courant.transforms.gold import GOLD_TABLES, recipes

BALANCE = CONTRACTS["balance"]
INF36 = CONTRACTS["consumption_inf36"]
BOTH = [BALANCE, INF36]
REAL = Path(os.environ.get("COURANT_REAL_DATA") or ROOT.parent / "shared" / "data") / "enedis"
FIRST, LATE, LAST = date(2026, 1, 30), date(2026, 1, 31), date(2026, 2, 1)
JANUARY, FEBRUARY = date(2026, 1, 1), date(2026, 2, 1)
P0 = "P0: Total <= 36 kVA"


def settings_of(home: Path) -> Settings:
    return load_settings(home=home, lake={"root": home / "lake"})


def generated(contract: Contract, first_day: date, days: int) -> list[bytes]:
    regions = {} if contract is BALANCE else {"regions": ["84"]}
    rows = pl.concat(list(generate_days(contract.name, start=first_day, days=days, seed=7, **regions)))
    return values_of(rows, contract)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, spark: SparkSession) -> Settings:
    """Give a lake with three days of both kinds, the last in another month, and their gold; only to be read."""
    settings = settings_of(tmp_path_factory.mktemp("gold"))
    for contract in BOTH:
        add_to_bronze(settings.lake.root, contract, generated(contract, FIRST, 3))
        build_silver(spark, settings, contract)
    build_gold(spark, settings, BOTH)
    return settings


@pytest.fixture
def settings(tmp_path: Path, built: Settings) -> Settings:
    """Give a copy of that lake."""
    shutil.copytree(built.lake.root, tmp_path / "lake")
    return settings_of(tmp_path)


@pytest.fixture
def without_gold(settings: Settings) -> Settings:
    """Give a copy of that lake as it was before gold."""
    shutil.rmtree(settings.lake.root / "gold")
    return settings


def gold(settings: Settings, name: str) -> pl.DataFrame:
    frame = pl.from_arrow(table(delta.gold_path(settings.lake.root, name)))
    assert isinstance(frame, pl.DataFrame)
    return frame.sort(pl.all())


def silver_of(settings: Settings, contract: Contract) -> pl.DataFrame:
    frame = pl.from_arrow(table(delta.silver_path(settings.lake.root, contract.name)))
    assert isinstance(frame, pl.DataFrame)
    return frame


def all_gold(settings: Settings) -> dict[str, pl.DataFrame]:
    return {name: gold(settings, name) for name in GOLD_TABLES}


def versions(settings: Settings, names: Iterable[str] = GOLD_TABLES) -> dict[str, int]:
    return {name: DeltaTable(delta.gold_path(settings.lake.root, name)).version() for name in names}


def february_files(settings: Settings) -> list[str]:
    files = DeltaTable(delta.gold_path(settings.lake.root, "balance_half_hours")).file_uris()
    return sorted(file for file in files if "/month=2026-02-01/" in file)


def changed(value: bytes, **fields: object) -> bytes:
    return json.dumps(json.loads(value) | fields).encode()


def send(spark: SparkSession, settings: Settings, contract: Contract, values: list[bytes]) -> None:
    """Let records arrive after those that are there, as far as silver."""
    there = DeltaTable(delta.bronze_path(settings.lake.root, contract.name)).to_pyarrow_dataset().count_rows()
    add_to_bronze(settings.lake.root, contract, values, first_offset=there)
    build_silver(spark, settings, contract)


def test_an_empty_lake_is_no_error(spark: SparkSession, tmp_path: Path) -> None:
    runs = build_gold(spark, settings_of(tmp_path), BOTH)

    assert [(run.dataset, run.tables, run.days) for run in runs] == [
        ("balance", (), ()),
        ("consumption_inf36", (), ()),
    ]
    assert not (tmp_path / "lake" / "gold").exists()


def test_a_data_set_of_another_kind_has_no_gold(
    spark: SparkSession, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")

    runs = build_gold(spark, settings_of(tmp_path), [replace(BALANCE, name="tempo", table="tempo")])

    assert runs == []
    assert "tempo: gold makes nothing of the table tempo" in caplog.text


def test_a_silver_without_rows_gives_tables_without_rows(spark: SparkSession, tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    add_to_bronze(settings.lake.root, BALANCE, [b"no json"])
    build_silver(spark, settings, BALANCE)

    build_gold(spark, settings, [BALANCE])
    first = versions(settings, ["balance_days", "peaks"])
    build_gold(spark, settings, [BALANCE])

    assert gold(settings, "balance_days").is_empty()
    assert versions(settings, ["balance_days", "peaks"]) == first


def test_all_tables_are_made_and_a_second_run_commits_nothing(
    spark: SparkSession, settings: Settings
) -> None:
    before = versions(settings)

    runs = build_gold(spark, settings, BOTH)

    assert {name: frame.height for name, frame in all_gold(settings).items()} == {
        "balance_half_hours": 3 * 48,
        "consumption_half_hours": 3 * 48 * 13,  # profiles
        "balance_days": 3,
        "consumption_days": 3 * 82,  # segments
        "consumption_months": 2 * 82,
        "load_curves": 3 * 48 * 14,  # a Friday, a Saturday and a Sunday, of 13 profiles and the country
        "peaks": 2 * 2,
        "temperature_sensitivity": 2,
        "completeness": 3 * 2,
        "site_counts": 2 * 13,
    }
    assert to_document(runs)["balance"] == {"tables": [], "days": [], "is_full": False, "seconds": 0.0}
    assert versions(settings) == before


def test_optimizing_silver_is_no_change(spark: SparkSession, settings: Settings) -> None:
    path = delta.silver_path(settings.lake.root, BALANCE.name)
    send(spark, settings, BALANCE, generated(BALANCE, LATE, 1)[:3])
    build_gold(spark, settings, BOTH)
    before, files = versions(settings), set(DeltaTable(path).file_uris())
    spark.sql(f"OPTIMIZE delta.`{path}`")
    DeltaTable(path).optimize.z_order(["slot"])

    runs = build_gold(spark, settings, BOTH)

    assert set(DeltaTable(path).file_uris()).isdisjoint(files)  # all of them were written anew
    assert [run.days for run in runs] == [(), ()]
    assert versions(settings) == before


def test_a_late_record_changes_its_day_and_its_month_only(spark: SparkSession, settings: Settings) -> None:
    before = all_gold(settings)
    february = february_files(settings)
    late = [value for value in generated(BALANCE, LATE, 1) if b"T11:00" in value]
    send(spark, settings, BALANCE, [changed(late[0], consommation_totale=90_000_000_000)])
    part = generated(INF36, LATE, 1)[1]
    send(spark, settings, INF36, [changed(part, total_energie_soutiree_wh=9_000_000_000)])

    runs = build_gold(spark, settings, BOTH)

    assert [(run.days, run.is_full) for run in runs] == [((LATE,), False)] * 2
    after = all_gold(settings)
    for name, frame in after.items():
        is_other = pl.col("paris_day") != LATE if "paris_day" in frame.columns else pl.col("month") != JANUARY
        assert frame.filter(is_other).equals(before[name].filter(is_other)), name
        if name not in {"completeness", "site_counts"}:  # nothing lacks, and no site came
            assert not frame.equals(before[name]), name
    assert february_files(settings) == february != []
    assert after["balance_days"]["peak_slot"].to_list()[1] == 25  # noon in Paris
    assert (
        after["peaks"].filter(month=JANUARY, dataset="consumption_inf36")["power_w"].item() > 18_000_000_000
    )


def test_chosen_days_are_made_anew_and_what_changed_beside_them_waits(
    spark: SparkSession, settings: Settings
) -> None:
    before = gold(settings, "balance_half_hours")
    for day in (FIRST, LATE):
        values = [changed(generated(BALANCE, day, 1)[0], consommation_totale=5)]
        send(spark, settings, BALANCE, values)

    chosen = build_gold(spark, settings, BOTH, days=[LATE])
    between = gold(settings, "balance_half_hours")
    rest = build_gold(spark, settings, BOTH)

    assert [run.days for run in chosen] == [(LATE,), (LATE,)]
    is_first = pl.col("paris_day") == FIRST
    assert between.filter(is_first).equals(before.filter(is_first))
    assert not between.equals(before)
    assert rest[0].days == (FIRST, LATE)
    assert not gold(settings, "balance_half_hours").filter(is_first).equals(before.filter(is_first))


@pytest.mark.parametrize("lost", ["the table", "the log"])
def test_where_the_log_cannot_tell_all_days_are_made_anew(
    spark: SparkSession, settings: Settings, lost: str
) -> None:
    before = all_gold(settings)
    if lost == "the table":
        shutil.rmtree(delta.gold_path(settings.lake.root, "balance_days"))
    else:
        path = delta.silver_path(settings.lake.root, BALANCE.name)
        spark.sql(f"DELETE FROM delta.`{path}` WHERE paris_day = '{FIRST}'")
        state = delta_changes.newest_version(path)
        assert state
        DeltaTable(path).create_checkpoint()
        (Path(path) / "_delta_log" / f"{state.version:020d}.json").unlink()

    runs = build_gold(spark, settings, BOTH)

    assert [(run.is_full, run.days) for run in runs][1] == (False, ())
    if lost == "the table":
        assert runs[0].days == (FIRST, LATE, LAST)
        expected = before
    else:
        assert runs[0].days == (LATE, LAST)
        expected = {name: without_balance_of(FIRST, frame) for name, frame in before.items()}
    assert runs[0].is_full
    for name in ("balance_half_hours", "balance_days", "completeness", "consumption_days"):
        assert gold(settings, name).equals(expected[name]), name


def without_balance_of(day: date, frame: pl.DataFrame) -> pl.DataFrame:
    if "paris_day" not in frame.columns:
        return frame
    is_balance = pl.col("dataset") == "balance" if "dataset" in frame.columns else pl.lit(True)
    return (
        frame if "region_code" in frame.columns else frame.filter(~is_balance | (pl.col("paris_day") != day))
    )


def test_a_field_the_contract_gained_is_null_for_the_past(spark: SparkSession, settings: Settings) -> None:
    gained = replace(BALANCE.fields[1], name="wind_gust", column="wind_gust", labels=())
    wider = replace(BALANCE, version="1.1.0", fields=(*BALANCE.fields, gained))

    older = build_gold(spark, settings, [wider], days=[LATE])  # silver does not have it yet
    values = [changed(value, wind_gust=7) for value in generated(BALANCE, date(2026, 2, 2), 1)]
    send(spark, settings, wider, values)
    build_gold(spark, settings, [wider])

    assert older[0].days == (LATE,)
    assert gold(settings, "balance_days").select("paris_day", "wind_gust_wh").rows() == [
        (FIRST, None),
        (LATE, None),
        (LAST, None),
        (date(2026, 2, 2), Decimal("168.00")),  # 7 W for a day
    ]


def test_region_sums_of_parts_are_the_published_totals_where_none_is_masked(built: Settings) -> None:
    published = silver_of(built, INF36).filter(pl.col("plage_de_puissance_souscrite") == P0)
    keys = ["slot_start_utc", "region_code", "profil"]
    rows = gold(built, "consumption_half_hours").join(
        published.select(*keys, pl.col("total_energie_soutiree_wh").alias("published_wh")), on=keys
    )

    whole, masked = rows.filter("is_complete"), rows.filter(~pl.col("is_complete"))
    assert rows.height == 3 * 48 * 13
    assert (whole.height, masked.height) == (3 * 48 * 11, 3 * 48 * 2)
    assert whole.filter(pl.col("parts_wh") != pl.col("published_wh")).is_empty()
    assert masked.filter(pl.col("parts_wh") >= pl.col("published_wh")).is_empty()
    assert rows.filter(
        pl.col("energy_wh") != pl.col("published_wh")
    ).is_empty()  # neither is added to the other
    days = gold(built, "consumption_days").filter("is_total")
    assert days["energy_wh"].sum() == published["total_energie_soutiree_wh"].sum()


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory, spark: SparkSession) -> Settings:
    """Give gold of the three real years."""
    settings = settings_of(tmp_path_factory.mktemp("real"))
    rows = pl.concat(
        read_published(file, BALANCE).collect() for file in sorted(REAL.glob("*_halfhourly.csv"))
    )
    add_to_bronze(settings.lake.root, BALANCE, values_of(rows, BALANCE))
    build_silver(spark, settings, BALANCE)
    build_gold(spark, settings, [BALANCE])
    return settings


@pytest.mark.skipif(not REAL.exists(), reason=f"the real files are not beside the project: {REAL}")
def test_the_months_of_three_real_years_agree_with_the_files_to_the_watt_hour(real: Settings) -> None:
    files = pd.concat(pd.read_csv(file, sep=";") for file in sorted(REAL.glob("*_halfhourly.csv")))
    paris = pd.to_datetime(files["horodate"], utc=True).dt.tz_convert("Europe/Paris")
    powers = ["consommation_totale", "production_totale", "pertes", "production_autre"]
    expected = files.groupby(paris.dt.strftime("%Y-%m-01"))[powers].sum()

    days = gold(real, "balance_days")
    months = days.group_by("month").agg(pl.col(f"{name}_wh").sum() for name in powers).sort("month")

    assert months["month"].cast(pl.String).to_list() == expected.index.to_list()
    for name in powers:
        doubled = [int(2 * energy) for energy in months[f"{name}_wh"]]
        assert doubled == expected[name].to_list()  # W over half an hour each


@pytest.mark.skipif(not REAL.exists(), reason=f"the real files are not beside the project: {REAL}")
def test_three_real_years_have_1010_days_and_only_the_last_lacks_slots(real: Settings) -> None:
    days = gold(real, "balance_days")

    assert days.height == 1_010
    odd = days.filter((pl.col("slots") != 48) | ~pl.col("is_complete"))
    assert odd.select("paris_day", "slots", "expected_slots", "is_complete").rows() == [
        (date(2021, 3, 28), 46, 46, True),
        (date(2021, 10, 31), 50, 50, True),
        (date(2022, 3, 27), 46, 46, True),
        (date(2022, 10, 30), 50, 50, True),
        (date(2023, 3, 26), 46, 46, True),
        (date(2023, 10, 29), 50, 50, True),
        (date(2024, 1, 1), 2, 48, False),
    ]
    winter = gold(real, "temperature_sensitivity").filter(month=date(2022, 12, 1))
    assert winter["w_per_degree"].item() < -1e9  # a colder degree takes more than a gigawatt
    assert gold(real, "balance_half_hours").height == 48_434


def run_job(settings: Settings) -> subprocess.Popen[bytes]:
    names = [argument for contract in BOTH for argument in ("--dataset", contract.name)]
    return subprocess.Popen(
        submit_command(settings, "jobs/batch/build_gold.py", names),
        env=submit_environment()
        | SHORT_LIVED
        | {"COURANT_HOME": str(settings.home), "COURANT_LAKE_ROOT": str(settings.lake.root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


@pytest.mark.parametrize("name", ["consumption_half_hours", "peaks"])
def test_a_job_killed_while_it_writes_a_table_gives_the_same_gold_at_the_next_run(
    spark: SparkSession, built: Settings, without_gold: Settings, name: str
) -> None:
    path = Path(delta.gold_path(without_gold.lake.root, name))
    job = run_job(without_gold)
    wait_beside(lambda: any(path.rglob("*.parquet")), job)
    os.killpg(job.pid, signal.SIGKILL)
    job.communicate()
    died_at = delta_changes.read_sources(str(path))

    runs = build_gold(spark, without_gold, BOTH)

    assert died_at == {}  # before the table knew what it has
    assert all(run.days == (FIRST, LATE, LAST) for run in runs)
    for table_name, frame in all_gold(without_gold).items():
        assert frame.equals(gold(built, table_name)), table_name
    assert [run.days for run in build_gold(spark, without_gold, BOTH)] == [(), ()]


def test_the_job_builds_gold_and_says_what_it_did(built: Settings, without_gold: Settings) -> None:
    job = run_job(without_gold)
    output, _ = job.communicate(timeout=600)

    assert job.returncode == 0, output[-2000:]
    document = json.loads(output[output.index(b"\n{\n") :])
    assert document["balance"]["tables"] == [recipe.table for recipe in recipes(BALANCE)]
    assert document["consumption_inf36"]["days"] == ["2026-01-30", "2026-01-31", "2026-02-01"]
    assert all(gold(without_gold, name).equals(gold(built, name)) for name in GOLD_TABLES)
