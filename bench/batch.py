"""Silver, gold and documents: new records against a plain copy of bronze, and a few new ones against a full rebuild.

python bench/batch.py [--rows 1000000] [--base 5000000] [--few 1000] [--runs 3] [--write]
"""

from __future__ import annotations

import argparse
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from itertools import islice

import polars as pl
import pyarrow as pa
from deltalake import write_deltalake
from machine import console, describe_machine
from pyspark.sql import SparkSession
from records import DATASET, FIRST_DAY, messages
from report import Figures, Measurement, add_run_arguments, median_and_worst, tell
from servers import bench_stack

from courant.batch.gold import build_gold
from courant.batch.publish import publish
from courant.batch.silver import build_silver
from courant.domain.contract import Contract, find_contract
from courant.session import CONF, get_spark, jars
from courant.settings import Settings
from courant.stores import delta, mongo

BATCH_ROWS = 250_000  # as one batch of the ingest
LATER_DAY = date(2026, 7, 6)  # of the few that come on top: days that the base has not
TOPIC_ID, PARTITIONS = "bench", 4
LAYERS: dict[str, Callable[[SparkSession, Settings, Contract], object]] = {
    "silver": build_silver,
    "gold": lambda spark, settings, contract: build_gold(spark, settings, [contract]),
    "documents": lambda spark, settings, contract: publish(spark, settings, [contract], source="lake"),
}
Seconds = dict[str, float]  # by layer


def main() -> None:
    arguments = _arguments()
    with bench_stack(console) as settings, _session() as spark:
        contract = find_contract(settings.contracts_dir, DATASET)
        warm = _filled(settings, contract, "warm", arguments.rows // 2)
        with console.status("warming up"):
            _time(lambda: build_silver(spark, warm, contract))
            _time(lambda: _copy(spark, warm, contract))
        new = _filled(settings, contract, "new", arguments.rows)
        silver, copies = [], []
        for _ in range(arguments.runs):
            copies.append(_time(lambda: _copy(spark, new, contract)))
            silver.append(_time(lambda: _whole(spark, new, contract)))
        full, few = _on_top(spark, settings, contract, arguments)
        machine = describe_machine(settings)
    about = f"One warm session; bronze in commits of {BATCH_ROWS:,} records; documents go into the embedded server."
    figures = [_silver_figures(arguments, silver, copies), _on_top_figures(arguments, full, few)]
    tell(console, Measurement("batch", machine, about, figures), arguments)


def _on_top(
    spark: SparkSession, settings: Settings, contract: Contract, arguments: argparse.Namespace
) -> tuple[list[Seconds], list[Seconds]]:
    """Build the layers of a large bronze, then of a few records on top of it, and all of this again and again."""
    base = _filled(settings, contract, "base", arguments.base)
    full, few, offset = [], [], arguments.base
    for _ in range(arguments.runs):
        with console.status(f"building the layers of {arguments.base:,} records"):
            _forget(spark, base, contract)
            full.append(_time_layers(spark, base, contract))
        frame = next(messages(contract, arguments.few, first_day=LATER_DAY))
        _append(base, contract, frame, first_offset=offset)
        offset += frame.height
        few.append(_time_layers(spark, base, contract))
    return full, few


def _time_layers(spark: SparkSession, settings: Settings, contract: Contract) -> Seconds:
    return {
        name: _time(lambda build=build: build(spark, settings, contract)) for name, build in LAYERS.items()
    }


def _whole(spark: SparkSession, settings: Settings, contract: Contract) -> None:
    _forget(spark, settings, contract)
    build_silver(spark, settings, contract)


def _forget(spark: SparkSession, settings: Settings, contract: Contract) -> None:
    """Remove every layer behind bronze."""
    for path in (delta.silver_path, delta.rejects_path):
        shutil.rmtree(path(settings.lake.root, contract.name), ignore_errors=True)
    shutil.rmtree(settings.lake.root / "gold", ignore_errors=True)
    spark._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()
    with mongo.session(settings) as database:
        database.client.drop_database(database.name)


def _copy(spark: SparkSession, settings: Settings, contract: Contract) -> None:
    bronze = delta.read_bronze(spark, delta.bronze_path(settings.lake.root, contract.name))
    bronze.write.mode("overwrite").parquet(str(settings.lake.root / "copy"))


def _filled(settings: Settings, contract: Contract, name: str, rows: int) -> Settings:
    """Give settings of a lake whose bronze has so many records, in batches as the ingest makes them."""
    own = settings.model_copy(
        update={"lake": settings.lake.model_copy(update={"root": settings.home / name})}
    )
    with console.status(f"making a bronze of {rows:,} records"):
        offset = 0
        for batch in _batches(messages(contract, rows, first_day=FIRST_DAY)):
            _append(own, contract, batch, first_offset=offset)
            offset += batch.height
    return own


def _batches(frames: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Join days to frames of about one batch."""
    while joined := list(islice(frames, max(1, BATCH_ROWS // 47_232))):
        yield pl.concat(joined)


def _append(settings: Settings, contract: Contract, frame: pl.DataFrame, *, first_offset: int) -> None:
    path = delta.bronze_path(settings.lake.root, contract.name)
    delta.create_bronze(path)
    rows, now = frame.height, datetime.now(UTC)
    columns = {
        "topic": pa.array([contract.topic] * rows, pa.string()),
        "topic_id": pa.array([TOPIC_ID] * rows, pa.string()),
        "epoch": pa.array([0] * rows, pa.int32()),
        "partition": pa.array([offset % PARTITIONS for offset in range(rows)], pa.int32()),
        "offset": pa.array(range(first_offset, first_offset + rows), pa.int64()),
        "broker_time_utc": pa.array([now] * rows, pa.timestamp("us", tz="UTC")),
        "key": frame["key"].to_arrow().cast(pa.binary()),
        "value": frame["value"].to_arrow().cast(pa.binary()),
        "headers": pa.nulls(rows, delta.BRONZE_SCHEMA.field("headers").type),
        "ingest_date": pa.array([now.date()] * rows, pa.date32()),
    }
    write_deltalake(path, pa.table(columns, schema=delta.BRONZE_SCHEMA), mode="append")


def _time(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _silver_figures(arguments: argparse.Namespace, silver: list[float], copies: list[float]) -> Figures:
    """Tell silver's seconds and a plain copy's, and the ratio of their speeds, run by run."""
    speed = median_and_worst(
        (one / other for one, other in zip(copies, silver, strict=True)), ".2f", worst=min
    )
    rows = (
        ("bronze read and written as plain Parquet", *_cells(arguments.rows, copies), "", ""),
        ("silver of new records", *_cells(arguments.rows, silver), speed, "≥ 0.5"),
    )
    return Figures(("work", "records", "s", "records/s", "ratio", "target"), rows)


def _on_top_figures(arguments: argparse.Namespace, full: list[Seconds], few: list[Seconds]) -> Figures:
    """Tell each layer's seconds from nothing and for a few records on top, and what share that is, run by run."""
    rows = []
    for name in LAYERS:
        all_s, few_s = [run[name] for run in full], [run[name] for run in few]
        share = median_and_worst((one / other for one, other in zip(few_s, all_s, strict=True)), ".1%")
        seconds, rate = _cells(arguments.base, all_s)[1:]
        rows.append(
            (name, seconds, rate, median_and_worst(few_s, ".2f"), share, "≤ 5 %" if name == "silver" else "")
        )
    head = (
        "layer",
        f"s, all {arguments.base:,}",
        "records/s",
        f"s, {arguments.few:,} on top",
        "share",
        "target",
    )
    return Figures(head, rows)


def _cells(rows: int, seconds: list[float]) -> tuple[str, str, str]:
    rates = median_and_worst((rows / one for one in seconds), worst=min)
    return f"{rows:,}", median_and_worst(seconds, ".2f"), rates


@contextmanager
def _session() -> Iterator[SparkSession]:
    """Give a session with the properties of conf/, as spark-submit would make it for a batch job."""
    os.environ["SPARK_CONF_DIR"] = str(CONF)
    os.environ["PYSPARK_SUBMIT_ARGS"] = f"--jars {','.join(map(str, jars()))} pyspark-shell"
    session = get_spark("bench_batch")
    try:
        yield session
    finally:
        session.stop()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--base", type=int, default=5_000_000)
    parser.add_argument("--few", type=int, default=1_000)
    add_run_arguments(parser)
    return parser.parse_args()


if __name__ == "__main__":
    main()
