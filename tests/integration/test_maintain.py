"""Upkeep makes few files of many and takes away what is old, while nothing that anyone relies on changes."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.table import TableOptimizer
from ingesting import ROOT, SHORT_LIVED, forget_lake
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from rich.console import Console
from waiting import wait_until

from courant.batch.maintain import maintain, to_document
from courant.errors import AnotherWriterError, SettingsError
from courant.maintain_page import print_upkeep
from courant.stores import delta, delta_upkeep
from courant.stores.delta_bronze import BronzeSink
from courant.stores.delta_upkeep import measure_table, optimize_table, vacuum_table
from courant.transforms.bronze import to_bronze

MB = 1024 * 1024
TOPIC_ID = "fPn0kCu_QvmZ0sYQ2v5W1A"
EPOCH = delta.BronzeEpoch(TOPIC_ID, {0: 5, 1: 0})
DAYS = (date(2026, 3, 1), date(2026, 3, 2))
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def bronze(tmp_path: Path) -> str:
    path = delta.bronze_path(tmp_path, "balance")
    delta.create_bronze(path)
    delta.write_epochs(path, [EPOCH])
    return path


def append(path: str, offset: int, *, day: date = DAYS[0], value: bytes = b"{}", rows: int = 1) -> None:
    """Commit one small batch as the ingest does: with the number of its transaction, and a mark."""
    batch = pa.Table.from_pylist(
        [
            {
                "topic": "tests.maintain", "topic_id": TOPIC_ID, "epoch": 0, "partition": 0,
                "offset": offset + n, "broker_time_utc": NOON, "key": b"balance", "value": value,
                "headers": [{"key": "sent", "value": b"1"}], "ingest_date": day,
            }
            for n in range(rows)
        ],
        schema=delta.BRONZE_SCHEMA,
    )  # fmt: skip
    write_deltalake(
        path,
        batch,
        mode="append",
        commit_properties=CommitProperties(
            app_transactions=[Transaction(delta.app_id("balance", TOPIC_ID), offset)],
            custom_metadata={"userMetadata": f"run/{offset}"},
        ),
    )


def state_of(path: str) -> dict[str, Any]:
    """Read all that the ingest and others ask of bronze's log."""
    return {
        "rows": delta.count_rows(path),
        "positions": delta.read_positions(path, EPOCH),
        "epochs": delta.read_epochs(path),
        "transaction": delta.transaction_version(path, delta.app_id("balance", TOPIC_ID)),
        "properties": DeltaTable(path).metadata().configuration,
        "partitions": DeltaTable(path).metadata().partition_columns,
    }


def rows_of(path: str) -> list[dict[str, Any]]:
    return DeltaTable(path).to_pyarrow_table().sort_by("offset").to_pylist()


def operations_of(path: str) -> list[str]:
    """Name the table's commits, oldest first."""
    return [commit["operation"] for commit in reversed(DeltaTable(path).history())]


def test_a_day_of_micro_batches_becomes_one_file_per_partition_and_nothing_else_changes(bronze: str) -> None:
    for offset in range(400):
        append(bronze, offset, day=DAYS[offset // 200])
    before, rows = state_of(bronze), rows_of(bronze)
    assert measure_table(bronze).files == 400
    assert measure_table(bronze).crowded == 2

    optimize_table(bronze)

    after = measure_table(bronze)
    assert (after.files, after.crowded, after.stored_files) == (2, 0, 402)
    assert state_of(bronze) == before
    assert before["rows"] == 400
    assert before["positions"] == {0: 400, 1: 0}
    assert before["transaction"] == 399
    assert rows_of(bronze) == rows


def test_merged_files_keep_the_statistics_that_the_table_asks_for_and_no_others(bronze: str) -> None:
    for offset in range(7, 10):
        append(bronze, offset)

    optimize_table(bronze)

    (added,) = pa.table(DeltaTable(bronze).get_add_actions(flatten=True)).to_pylist()
    assert added["num_records"] == 3
    assert (added["min.offset"], added["max.offset"]) == (7, 9)
    assert {name for name in added if name.startswith("min.")} == {
        "min.epoch", "min.partition", "min.offset", "min.broker_time_utc",
    }  # fmt: skip


def test_a_merge_says_that_no_data_changed(bronze: str) -> None:
    """Or a reader of what is new, as the step to silver is, would read all rows again."""
    for offset in range(3):
        append(bronze, offset)

    optimize_table(bronze)

    newest = Path(bronze, "_delta_log", f"{DeltaTable(bronze).version():020}.json")
    actions = [json.loads(line) for line in newest.read_text().splitlines()]
    changes = [
        one["dataChange"] for action in actions for name, one in action.items() if name in {"add", "remove"}
    ]
    assert changes == [False] * 4


def test_a_partition_of_many_megabytes_keeps_no_more_than_one_file_for_each_64(bronze: str) -> None:
    noise = np.random.default_rng(7)
    for offset in range(30):
        append(bronze, offset, value=noise.bytes(6 * MB))
    assert measure_table(bronze).bytes > 180 * MB

    optimize_table(bronze)

    after = measure_table(bronze)
    assert 1 < after.files <= 3  # 180 MB
    assert after.crowded == 0
    assert delta.count_rows(bronze) == 30


def test_upkeep_killed_in_the_middle_loses_nothing_and_the_next_does_the_rest(
    bronze: str, tmp_path: Path
) -> None:
    for offset in range(200):
        append(bronze, offset, day=DAYS[offset // 100])
    rows = rows_of(bronze)
    job = subprocess.Popen(
        job_command(), env=job_environment(tmp_path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    wait_until(lambda: len(list(Path(bronze).rglob("*.parquet"))) > 200 or job.poll() is not None, every_s=0)
    job.kill()
    job.wait()
    assert rows_of(bronze) == rows

    (done,) = maintain(tmp_path)

    assert (done.ok, done.after.files) == (True, 2)
    assert rows_of(bronze) == rows


def test_what_needs_no_upkeep_gets_no_commit(bronze: str, tmp_path: Path) -> None:
    append(bronze, 0)
    append(bronze, 1, day=DAYS[1])
    version = DeltaTable(bronze).version()

    (done,) = maintain(tmp_path)

    assert done.ok
    assert done.before == done.after
    assert DeltaTable(bronze).version() == version


@pytest.mark.usefixtures("bronze")
def test_a_table_without_rows_is_left_alone(tmp_path: Path) -> None:
    (done,) = maintain(tmp_path)

    assert (done.table, done.ok, done.after.files, done.after.bytes) == ("bronze/balance", True, 0, 0)


def test_a_table_without_rows_and_partitions_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "rejects" / "balance").mkdir(parents=True)
    DeltaTable.create(str(tmp_path / "rejects" / "balance"), pa.schema([("n", pa.int64())]))

    (done,) = maintain(tmp_path)

    assert (done.table, done.ok, done.after.files, done.after.bytes) == ("rejects/balance", True, 0, 0)


# -- beside writers


def kafka_records(spark: SparkSession, offset: int) -> DataFrame:
    """Give one record as Spark's Kafka source does."""
    return spark.range(1).select(
        F.lit("tests.maintain").alias("topic"),
        F.lit(0).alias("partition"),
        F.lit(offset).cast("bigint").alias("offset"),
        F.lit(NOON).alias("timestamp"),
        F.lit(b"balance").alias("key"),
        F.lit(b"{}").alias("value"),
        F.expr("array(named_struct('key', 'sent', 'value', X'31'))").alias("headers"),
    )


def test_the_ingest_appends_beside_upkeep_and_neither_disturbs_the_other(
    bronze: str, spark: SparkSession
) -> None:
    for offset in range(20):
        append(bronze, offset)
    sink = sink_of(bronze, version=19)
    stop, done, failures = threading.Event(), [], []

    def keep_up() -> None:
        try:
            while not stop.is_set():
                done.append(maintain(Path(bronze).parents[1]))
        except BaseException as error:
            failures.append(error)
            raise

    upkeep = threading.Thread(target=keep_up)
    upkeep.start()
    try:
        for batch_id in range(20, 40):
            sink.write(kafka_records(spark, batch_id), batch_id)
    finally:
        stop.set()
        upkeep.join()

    assert not failures
    assert all(one.ok for run in done for one in run)
    assert [row["offset"] for row in rows_of(bronze)] == list(range(40))
    assert state_of(bronze)["positions"] == {0: 40, 1: 0}
    assert state_of(bronze)["transaction"] == 39
    assert delta.read_epochs(bronze) == [EPOCH]
    merges_between = "".join("m" if name == "OPTIMIZE" else "w" for name in operations_of(bronze)).count(
        "wmw"
    )
    assert merges_between >= 3


def sink_of(bronze: str, *, version: int) -> BronzeSink:
    return BronzeSink(
        path=bronze,
        dataset="balance",
        topic_id=TOPIC_ID,
        run_id="run",
        scratch=Path(bronze).parents[1] / "scratch",
        transform=lambda kafka: to_bronze(kafka, topic_id=TOPIC_ID, epoch=0),
        version=version,
    )


def test_an_append_tells_the_log_what_its_files_hold(bronze: str, spark: SparkSession) -> None:
    records = kafka_records(spark, 7).union(kafka_records(spark, 9))
    late = F.lit(NOON + timedelta(milliseconds=1_234)).alias("timestamp")
    sink_of(bronze, version=-1).write(records.union(kafka_records(spark, 8).withColumn("timestamp", late)), 0)

    table = DeltaTable(bronze)
    added = pa.table(table.get_add_actions(flatten=True))
    files = [pq.read_table(Path(bronze, path), partitioning=None) for path in added["path"].to_pylist()]
    for file, told in zip(files, added.to_pylist(), strict=True):
        assert told["num_records"] == file.num_rows
        for name in delta.STATISTICS:
            limits = pc.min_max(file[name]).as_py()
            assert (told[f"min.{name}"], told[f"max.{name}"]) == (limits["min"], limits["max"]), name
            assert told[f"null_count.{name}"] == 0
    assert sum(file.num_rows for file in files) == 3
    assert max(added["max.broker_time_utc"].to_pylist()) == NOON + timedelta(milliseconds=1_234)
    assert table.transaction_version(delta.app_id("balance", TOPIC_ID)) == 0
    assert not list(Path(bronze).parents[1].glob("scratch/*"))
    forget_lake(spark)
    newest = delta.read_bronze(spark, bronze).where("broker_time_utc > timestamp'2026-03-01 12:00:01Z'")
    assert [row["offset"] for row in newest.collect()] == [8]


def test_the_appends_checkpoint_the_log(bronze: str) -> None:
    sink = sink_of(bronze, version=-1)

    for number in range(100):
        sink._commit([], f"run/{number}")

    assert list(Path(bronze, "_delta_log").glob("*.checkpoint.parquet"))
    assert delta.transaction_version(bronze, delta.app_id("balance", TOPIC_ID)) == sink.version == 99


def test_a_batch_without_records_is_no_commit(bronze: str, spark: SparkSession) -> None:
    before = DeltaTable(bronze).version()
    sink = sink_of(bronze, version=-1)

    sink.write(kafka_records(spark, 1).limit(0), 0)

    assert DeltaTable(bronze).version() == before
    assert sink.version == -1


def test_of_two_ingests_that_append_at_once_one_stops_and_its_records_are_nowhere(
    bronze: str, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = sink_of(bronze, version=-1), sink_of(bronze, version=-1)
    second.scratch = second.scratch / "second"
    append_it = BronzeSink._append

    def overtaken(sink: BronzeSink, *arguments: Any) -> None:
        """Let the other one commit between the look at the table and the commit."""
        monkeypatch.undo()
        first.write(kafka_records(spark, 1), 0)
        append_it(sink, *arguments)

    monkeypatch.setattr(BronzeSink, "_append", overtaken)
    with pytest.raises(AnotherWriterError, match="transaction -1 but another ingest wrote up to 0"):
        second.write(kafka_records(spark, 1).withColumn("value", F.lit(b"other")), 0)

    assert [(row["offset"], row["value"]) for row in rows_of(bronze)] == [(1, b"{}")]


def test_upkeep_between_two_batches_is_no_other_writer(bronze: str, spark: SparkSession) -> None:
    for offset in range(3):
        append(bronze, offset)
    sink = sink_of(bronze, version=2)
    sink.write(kafka_records(spark, 3), 3)

    optimize_table(bronze)
    vacuum_table(bronze, retention_hours=0)
    sink.write(kafka_records(spark, 4), 4)

    assert sink.version == 4
    assert [row["offset"] for row in rows_of(bronze)] == [0, 1, 2, 3, 4]
    forget_lake(spark)
    read = delta.read_bronze(spark, bronze).orderBy("offset").collect()
    assert [(row["offset"], row["headers"][0]["value"], row["broker_time_utc"].tzinfo) for row in read] == [
        (offset, bytearray(b"1"), None) for offset in range(5)
    ]


@pytest.fixture
def before_each_merge(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Let something happen between the upkeep's look at the table and its merge."""
    monkeypatch.setattr(delta_upkeep, "_FIRST_WAIT_S", 0)
    merge = TableOptimizer.compact

    def install(happen: Callable[[], None]) -> None:
        def compact(self: TableOptimizer, **options: Any) -> dict[str, Any]:
            happen()
            return merge(self, **options)

        monkeypatch.setattr(TableOptimizer, "compact", compact)

    return install


def test_a_merge_that_conflicts_is_made_again(bronze: str, before_each_merge: Callable[..., None]) -> None:
    for offset in range(5):
        append(bronze, offset)
    doomed = iter([1, 2])

    def delete_a_row() -> None:
        for offset in list(doomed)[:1]:
            DeltaTable(bronze).delete(f'"offset" = {offset}')

    before_each_merge(delete_a_row)
    optimize_table(bronze)

    assert [row["offset"] for row in rows_of(bronze)] == [0, 2, 3, 4]
    assert measure_table(bronze).files == 1


def test_a_table_that_others_keep_changing_is_left_and_said_while_the_next_is_done(
    bronze: str, tmp_path: Path, before_each_merge: Callable[..., None]
) -> None:
    other = delta.bronze_path(tmp_path, "consumption_inf36")
    delta.create_bronze(other)
    for offset in range(12):
        append(bronze, offset)
        append(other, offset)
    left = iter(range(12))

    def delete_a_row() -> None:
        DeltaTable(bronze).delete(f'"offset" = {next(left)}')

    before_each_merge(delete_a_row)
    busy, calm = maintain(tmp_path)

    assert (busy.table, busy.ok, busy.after.files) == ("bronze/balance", False, 7)
    assert "another writer's commit 5 times" in busy.problem
    assert (calm.table, calm.ok, calm.after.files) == ("bronze/consumption_inf36", True, 1)
    assert not to_document([busy, calm])["ok"]
    with pytest.raises(AnotherWriterError, match="another writer's commit 5 times"):
        optimize_table(bronze)


def test_a_merge_whose_commit_another_writer_replaced_is_made_again(
    bronze: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spark on a local disk renames its commit into place, over one that came in the same instant."""
    monkeypatch.setattr(delta_upkeep, "_FIRST_WAIT_S", 0)
    for offset in range(97):  # so that the merge's commit is one at which a checkpoint is due
        append(bronze, offset)
    merge, replaced = TableOptimizer.compact, []

    def compact(self: TableOptimizer, **options: Any) -> dict[str, Any]:
        metrics = merge(self, **options)
        if not replaced:
            version = DeltaTable(bronze).version()
            append(bronze, 97)
            log = Path(bronze, "_delta_log")
            (log / f"{version + 1:020}.json").replace(log / f"{version:020}.json")
            replaced.append(version)
        return metrics

    monkeypatch.setattr(TableOptimizer, "compact", compact)
    optimize_table(bronze)

    assert replaced == [99]  # made, its epochs set, 97 appends, the merge
    assert [row["offset"] for row in rows_of(bronze)] == list(range(98))
    assert measure_table(bronze).files == 1
    assert operations_of(bronze)[-2:] == ["WRITE", "OPTIMIZE"]


# -- what is deleted


def stray(bronze: str, name: str, *, age_hours: float) -> Path:
    """Leave a data file that no commit names, as a killed writer does."""
    file = Path(bronze, f"ingest_date={DAYS[0]}", f"{name}.parquet")
    file.write_bytes(b"PAR1")
    then = time.time() - age_hours * 3600
    os.utime(file, (then, then))
    return file


def test_vacuum_deletes_only_what_is_older_than_the_retention(bronze: str) -> None:
    for offset in range(3):
        append(bronze, offset)
    young, old = stray(bronze, "young", age_hours=167), stray(bronze, "old", age_hours=169)
    optimize_table(bronze)
    merged_away = DeltaTable(bronze, version=DeltaTable(bronze).version() - 1).file_uris()

    assert vacuum_table(bronze, retention_hours=168) == 1

    assert young.exists()
    assert not old.exists()
    assert all(Path(file).exists() for file in merged_away)
    assert len(merged_away) == 3
    assert delta.count_rows(bronze) == 3


def test_an_explicitly_short_retention_deletes_what_was_merged_and_keeps_the_data(
    bronze: str, tmp_path: Path
) -> None:
    for offset in range(3):
        append(bronze, offset)
    before, rows = state_of(bronze), rows_of(bronze)

    (done,) = maintain(tmp_path, retention_hours=0, allow_short=True)

    assert (done.before.files, done.before.stored_files) == (3, 3)
    assert (done.after.files, done.after.stored_files, done.deleted_files) == (1, 1, 3)
    assert done.after.stored_bytes == done.after.bytes
    assert state_of(bronze) == before
    assert rows_of(bronze) == rows


@pytest.mark.parametrize(
    ("hours", "allow_short", "said"),
    [(167, False, "shorter than 168"), (0, False, "shorter than 168"), (-1, True, "cannot work")],
)
def test_a_short_retention_that_nobody_chose_touches_nothing(
    bronze: str, tmp_path: Path, hours: int, allow_short: bool, said: str
) -> None:
    for offset in range(3):
        append(bronze, offset)
    version = DeltaTable(bronze).version()

    with pytest.raises(SettingsError, match=said):
        maintain(tmp_path, retention_hours=hours, allow_short=allow_short)

    assert DeltaTable(bronze).version() == version
    assert measure_table(bronze).files == 3


# -- which tables, and the report


def test_a_table_that_spark_made_is_merged_and_spark_reads_and_merges_on(
    spark: SparkSession, tmp_path: Path
) -> None:
    path = str(tmp_path / "silver" / "balance")
    for step in range(6):
        (
            spark.range(step * 4, step * 4 + 4)
            .select(
                F.expr("DATE '2026-03-29' + CAST(id % 2 AS INT)").alias("paris_day"),
                F.expr("TIMESTAMP '2026-03-29T00:00:00Z' + make_dt_interval(0, 0, id)").alias("slot_start_utc"),
                F.expr("CAST(id AS DECIMAL(9,3)) / 8").cast("decimal(9,3)").alias("temperature"),
                F.expr("IF(id % 3 = 0, NULL, id)").alias("consommation_totale"),
            )
            .coalesce(1)
            .write.format("delta").mode("append").partitionBy("paris_day").save(path)
        )  # fmt: skip
    rows = spark.read.format("delta").load(path).orderBy("slot_start_utc").collect()

    (done,) = maintain(tmp_path)

    assert (done.table, done.ok, done.before.files, done.after.files) == ("silver/balance", True, 12, 2)
    forget_lake(spark)
    assert spark.read.format("delta").load(path).orderBy("slot_start_utc").collect() == rows
    spark.sql(
        f"MERGE INTO delta.`{path}` t USING (SELECT TIMESTAMP '2026-03-29T00:05:00Z' AS slot) s "
        "ON t.slot_start_utc = s.slot WHEN MATCHED THEN UPDATE SET consommation_totale = 77"
    )
    changed = spark.read.format("delta").load(path).where("consommation_totale = 77").collect()
    assert [row["slot_start_utc"].minute for row in changed] == [5]
    assert spark.read.format("delta").load(path).count() == 24


def test_all_layers_are_found_and_what_is_no_table_is_not(tmp_path: Path) -> None:
    rows = pa.table({"n": [1]})
    for table in (
        "gold/daily_energy",
        "rejects/balance",
        "silver/balance",
        "bronze/balance",
        "other/balance",
    ):
        write_deltalake(str(tmp_path / table), rows)
    (tmp_path / "bronze" / "half_made").mkdir()
    (tmp_path / "bronze" / "note.txt").write_text("no table")
    (tmp_path / "_checkpoints").mkdir()

    assert [one.table for one in maintain(tmp_path)] == [
        "bronze/balance", "silver/balance", "rejects/balance", "gold/daily_energy",
    ]  # fmt: skip


def test_a_lake_that_is_not_there_is_nothing_to_do(tmp_path: Path) -> None:
    document = to_document(maintain(tmp_path / "lake"))

    assert document == {"ok": True, "tables": {}}
    assert page_of(document).strip() == "The lake has no tables yet: nothing to do."
    assert not (tmp_path / "lake").exists()


def test_the_job_writes_what_it_did_and_the_page_shows_it(bronze: str, tmp_path: Path) -> None:
    for offset in range(3):
        append(bronze, offset)
    out = tmp_path / "upkeep.json"

    refused = run_job(tmp_path, "--retention-hours", "1", "--out", str(out))
    assert refused.returncode == SettingsError.exit_code
    assert "--allow-short-retention" in refused.stderr
    assert not out.exists()

    done = run_job(tmp_path, "--retention-hours", "0", "--allow-short-retention", "--out", str(out))
    assert done.returncode == 0, done.stderr
    document = json.loads(out.read_text())
    assert document["tables"]["bronze/balance"]["before"]["files"] == 3
    assert document["tables"]["bronze/balance"]["after"]["files"] == 1

    row = next(line for line in page_of(document).splitlines() if "bronze/balance" in line)
    assert "3 → 1" in row
    assert "ok" in row


def page_of(document: dict[str, Any]) -> str:
    """Give what a person is shown."""
    shown = io.StringIO()
    print_upkeep(document, Console(width=140, file=shown))
    return shown.getvalue()


def run_job(lake: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        job_command(*arguments),
        env=job_environment(lake),
        capture_output=True,
        text=True,
        check=False,
    )


def job_command(*arguments: str) -> list[str]:
    return [sys.executable, str(ROOT / "jobs" / "batch" / "maintain_tables.py"), *arguments]


def job_environment(lake: Path) -> dict[str, str]:
    return os.environ | SHORT_LIVED | {"COURANT_HOME": str(lake / "home"), "COURANT_LAKE_ROOT": str(lake)}
