"""Silver from a real bronze: one newest row per key, rejects kept, only what is new is read, and a kill heals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable
from ingesting import CONTRACTS, ROOT, SHORT_LIVED
from lakes import add_to_bronze, table, values_of
from pyspark.sql import SparkSession
from waiting import wait_beside

from courant.batch.silver import build_silver
from courant.domain.contract import Contract, FieldType
from courant.domain.enedis import generate_days
from courant.errors import SchemaConflictError
from courant.published import read_published
from courant.session import submit_command, submit_environment
from courant.settings import Settings, load_settings
from courant.stores import delta, delta_merge

BALANCE = CONTRACTS["balance"]
INF36 = CONTRACTS["consumption_inf36"]
REAL = Path(os.environ.get("COURANT_REAL_DATA") or ROOT.parent / "shared" / "data") / "enedis"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Give settings whose lake is the test's own."""
    return load_settings(home=tmp_path, lake={"root": tmp_path / "lake"})


def generated(contract: Contract, first_day: date, days: int, **regions: list[str]) -> list[bytes]:
    rows = pl.concat(list(generate_days(contract.name, start=first_day, days=days, seed=7, **regions)))
    return values_of(rows, contract)


def silver_of(settings: Settings, contract: Contract) -> pl.DataFrame:
    frame = pl.from_arrow(table(delta.silver_path(settings.lake.root, contract.name)))
    assert isinstance(frame, pl.DataFrame)
    return frame.sort([field.column for field in contract.key_fields])


def changed(value: bytes, **fields: object) -> bytes:
    return json.dumps(json.loads(value) | fields).encode()


def test_an_empty_lake_is_no_error(spark: SparkSession, settings: Settings) -> None:
    run = build_silver(spark, settings, BALANCE)

    assert (run.new_records, run.days) == (0, ())
    assert not DeltaTable.is_deltatable(delta.silver_path(settings.lake.root, "balance"))


def test_days_of_46_and_50_slots_are_counted_from_paris_midnight(
    spark: SparkSession, settings: Settings
) -> None:
    for first, day in enumerate([date(2026, 3, 29), date(2026, 10, 25), date(2026, 12, 25)]):
        add_to_bronze(settings.lake.root, BALANCE, generated(BALANCE, day, 1), first_offset=1000 * first)

    build_silver(spark, settings, BALANCE)

    days = silver_of(settings, BALANCE).group_by("paris_day").agg(
        pl.col("slot").min().alias("first"),
        pl.col("slot").max().alias("last"),
        pl.col("slot").n_unique().alias("slots"),
        pl.col("is_holiday", "season", "weekday").first(),
    ).sort("paris_day")  # fmt: skip
    assert days.rows() == [
        (date(2026, 3, 29), 1, 46, 46, False, "spring", 7),
        (date(2026, 10, 25), 1, 50, 50, False, "autumn", 7),
        (date(2026, 12, 25), 1, 48, 48, True, "winter", 5),
    ]


def test_the_newest_value_of_a_key_wins_whatever_run_it_comes_in(
    spark: SparkSession, settings: Settings
) -> None:
    values = generated(BALANCE, date(2026, 1, 5), 3)
    name = "production_autre"
    after = add_to_bronze(settings.lake.root, BALANCE, values)
    again = [changed(values[0], **{name: 1}), changed(values[0], **{name: 2}), values[1]]
    after = add_to_bronze(settings.lake.root, BALANCE, again, first_offset=after)
    first = build_silver(spark, settings, BALANCE)
    late = add_to_bronze(settings.lake.root, BALANCE, [changed(values[5], **{name: 3})], first_offset=after)
    second = build_silver(spark, settings, BALANCE)
    third = build_silver(spark, settings, BALANCE)

    rows = silver_of(settings, BALANCE)
    assert (first.new_records, second.new_records, third.new_records) == (len(values) + 3, 1, 0)
    assert second.days == (date(2026, 1, 5),)
    assert rows.height == len(values) == 3 * 96  # of a quarter of an hour each
    assert rows[name][0] == 2
    assert rows[name][5] == 3
    assert rows["source_offset"][5] == late - 1


def test_what_the_contract_refuses_is_kept_once_with_its_rules(
    spark: SparkSession, settings: Settings
) -> None:
    good = generated(BALANCE, date(2026, 1, 5), 1)
    bad = [b"no json", None, changed(good[0], horodate="2026-01-05T00:07:00+00:00")]
    after = add_to_bronze(settings.lake.root, BALANCE, [*good, *bad])
    build_silver(spark, settings, BALANCE)
    delta_merge.store_position(delta.silver_path(settings.lake.root, "balance"), (0, {0: 0}))
    add_to_bronze(settings.lake.root, BALANCE, [b"{"], first_offset=after)
    build_silver(spark, settings, BALANCE)  # reads everything again, as after a kill before the position

    kept = table(delta.rejects_path(settings.lake.root, "balance")).sort_by("offset").to_pylist()
    assert [(row["offset"], row["value"], row["rules"]) for row in kept] == [
        (96, b"no json", "json"),
        (97, None, "tombstone"),
        (98, bad[2], "off_step:horodate"),
        (99, b"{", "json"),
    ]
    assert silver_of(settings, BALANCE).height == len(good)


def test_a_bronze_with_only_rejects_gives_an_empty_silver(spark: SparkSession, settings: Settings) -> None:
    add_to_bronze(settings.lake.root, BALANCE, [b"x", b"y"])

    run = build_silver(spark, settings, BALANCE)

    assert (run.accepted, run.rejected) == (0, 2)
    assert silver_of(settings, BALANCE).is_empty()


def test_totals_are_flagged_and_bounds_derived(spark: SparkSession, settings: Settings) -> None:
    add_to_bronze(settings.lake.root, INF36, generated(INF36, date(2026, 1, 5), 1, regions=["84"]))

    build_silver(spark, settings, INF36)

    rows = silver_of(settings, INF36)
    totals = rows.filter(pl.col("is_total"))["plage_de_puissance_souscrite"].unique().to_list()
    assert totals == ["P0: Total <= 36 kVA"]
    part = rows.filter(pl.col("plage_de_puissance_souscrite").str.contains("3-6"))
    assert part.select("lower_kva", "upper_kva").unique().rows() == [(3, 6)]


def test_a_field_the_contract_gained_is_null_for_the_past_and_nothing_is_rewritten(
    spark: SparkSession, settings: Settings
) -> None:
    values = generated(BALANCE, date(2026, 1, 5), 1)
    after = add_to_bronze(settings.lake.root, BALANCE, values)
    build_silver(spark, settings, BALANCE)
    files = set(DeltaTable(delta.silver_path(settings.lake.root, "balance")).file_uris())
    gained = replace(BALANCE.fields[-1], name="wind_gust", column="wind_gust", labels=())
    wider = replace(BALANCE, version="1.1.0", fields=(*BALANCE.fields, gained))
    tomorrow = generated(BALANCE, date(2026, 1, 6), 1)
    add_to_bronze(settings.lake.root, wider, [changed(v, wind_gust=7) for v in tomorrow], first_offset=after)

    build_silver(spark, settings, wider)

    found = (
        silver_of(settings, wider).group_by("paris_day").agg(pl.col("wind_gust").unique()).sort("paris_day")
    )
    assert [(day, [v and int(v) for v in seen]) for day, seen in found.rows()] == [
        (date(2026, 1, 5), [None]),
        (date(2026, 1, 6), [7]),
    ]
    assert files < set(DeltaTable(delta.silver_path(settings.lake.root, "balance")).file_uris())


def test_a_changed_type_is_refused_with_the_field_and_the_way(
    spark: SparkSession, settings: Settings
) -> None:
    add_to_bronze(settings.lake.root, BALANCE, generated(BALANCE, date(2026, 1, 5), 1))
    build_silver(spark, settings, BALANCE)
    fields = tuple(
        replace(f, type=FieldType.STRING, sql_type="VARCHAR(64)") if f.name == "pertes" else f
        for f in BALANCE.fields
    )

    with pytest.raises(SchemaConflictError, match="pertes as bigint, but the contract wants string") as error:
        build_silver(spark, settings, replace(BALANCE, fields=fields))
    assert "rebuild" in (error.value.remedy or "")


@pytest.mark.skipif(not REAL.exists(), reason=f"the real files are not beside the project: {REAL}")
def test_the_three_real_years_give_48434_rows_and_the_months_agree_with_the_files(
    spark: SparkSession, settings: Settings
) -> None:
    files = sorted(REAL.glob("bilan_electrique_*_halfhourly.csv"))
    offset = 0
    for file in files:
        rows = read_published(file, BALANCE).collect()
        offset = add_to_bronze(settings.lake.root, BALANCE, values_of(rows, BALANCE), first_offset=offset)

    build_silver(spark, settings, BALANCE)

    rows = silver_of(settings, BALANCE)
    assert rows.height == 48_434
    assert rows["paris_day"].n_unique() == 1_010
    wanted = [read_published(file, BALANCE).select("horodate", "consommation_totale") for file in files]
    expected = pl.concat(wanted).collect()
    month = (
        pl.col("horodate")
        .str.to_datetime("%Y-%m-%dT%H:%M:%S%z")
        .dt.convert_time_zone("UTC")
        .dt.truncate("1mo")
    )
    from_files = expected.group_by(month.alias("month")).agg(
        pl.col("consommation_totale").cast(pl.Int64).sum()
    )
    from_silver = rows.group_by(pl.col("slot_start_utc").dt.truncate("1mo").alias("month")).agg(
        pl.col("consommation_totale").sum()
    )
    assert from_files.sort("month").rows() == from_silver.sort("month").rows()


def run_job(settings: Settings) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        submit_command(settings, "jobs/batch/build_silver.py", ["--dataset", "consumption_inf36"]),
        env=submit_environment()
        | SHORT_LIVED
        | {"COURANT_HOME": str(settings.home), "COURANT_LAKE_ROOT": str(settings.lake.root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


@pytest.mark.parametrize("layer", ["rejects", "silver"])
def test_a_job_killed_while_it_writes_a_layer_gives_the_same_tables_at_the_next_run(
    spark: SparkSession, settings: Settings, layer: str
) -> None:
    values = [*generated(INF36, date(2026, 1, 5), 2), *[b"bad"] * 500]
    add_to_bronze(settings.lake.root, INF36, values)
    path = Path(getattr(delta, f"{layer}_path")(settings.lake.root, INF36.name))
    job = run_job(settings)
    wait_beside(lambda: any(path.rglob("*.parquet")), job)
    os.killpg(job.pid, signal.SIGKILL)
    job.communicate()
    position = delta_merge.stored_position(delta.silver_path(settings.lake.root, INF36.name))

    build_silver(spark, settings, INF36)

    assert position == (-1, {})  # it died before it was done
    rows = silver_of(settings, INF36)
    assert rows.height == len(values) - 500 == rows.select([f.column for f in INF36.key_fields]).n_unique()
    kept = table(delta.rejects_path(settings.lake.root, INF36.name))
    assert (kept.num_rows, pc.count_distinct(kept["offset"]).as_py()) == (500, 500)
