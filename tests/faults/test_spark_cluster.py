"""The same jobs on a real cluster, a master and two workers, whose processes are killed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import labs
import nbformat
import polars as pl
import pyspark
import pytest
from clusters import Stream, a_stream, executors, kill, on_cluster
from ingesting import (
    CONTRACTS,
    ROOT,
    SHORT_LIVED,
    ask,
    contracts_folder,
    disagreements,
    environment_of,
    own_sinks,
    own_topic,
    send,
)
from pyspark.sql import SparkSession
from waiting import wait_until

from courant.domain.contract import Contract
from courant.domain.enedis import generate_days
from courant.domain.message import to_messages
from courant.errors import ClusterDownError
from courant.local import spark_cluster
from courant.local.spark_cluster import ClusterStatus, WorkerSize
from courant.session import jars, submit_command, submit_environment
from courant.settings import Settings

pytestmark = pytest.mark.timeout(
    1200
)  # on two cores a master, two workers, two executors and a driver take turns

DATASET, DAYS = "balance", 20
BAD_RECORDS = 20  # of 1,920
VERSIONS = ROOT / "tests" / "faults" / "versions_job.py"
SIZE = WorkerSize(cores=1, memory="1g")


@dataclass(frozen=True)
class Scene:
    """Sinks of a test's own, whose jobs run on the cluster, and what it sends in two halves."""

    settings: Settings
    contract: Contract
    contracts: Path
    first: pl.DataFrame
    second: pl.DataFrame

    @property
    def count(self) -> int:
        return len(self.first) + len(self.second)

    def stream(self, log: Path) -> AbstractContextManager[Stream]:
        return a_stream(self.settings, self.contract, self.contracts, log)


@pytest.fixture(scope="module")
def cluster(stack: Settings) -> Iterator[ClusterStatus]:
    """Give a master and two workers of one core each."""
    try:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in SHORT_LIVED.items():
                patch.setenv(name, value)  # executors have their worker's variables
            found = spark_cluster.up(stack, 2, SIZE)
        yield found
    finally:
        spark_cluster.down(stack)


@pytest.fixture
def scene(stack: Settings, cluster: ClusterStatus, request: pytest.FixtureRequest, tmp_path: Path) -> Scene:
    name = request.node.name.removeprefix("test_")[:30]
    sinks = own_sinks(stack, name, tmp_path, max_offsets_per_trigger=500)
    contract = own_topic(CONTRACTS[DATASET], sinks, f"cluster.{name}", partitions=4)
    sent = balance_records()
    return Scene(
        on_cluster(sinks, cluster),
        contract,
        contracts_folder(tmp_path / "contracts", contract),
        sent.head(len(sent) // 2),
        sent.tail(-(len(sent) // 2)),
    )


def balance_records() -> pl.DataFrame:
    """Give twenty days of the national balance as messages, a quarter hour each, one in a hundred cut short."""
    blocks = generate_days(DATASET, start=date(2026, 1, 5), days=DAYS, seed=7)
    rows = pl.concat(blocks).with_columns(pl.all().cast(pl.String))
    sent = to_messages(rows, CONTRACTS[DATASET], shift=timedelta(0)).select("key", "value").with_row_index()
    cut_short = (
        pl.when(pl.col("index") % 100 == 17).then(pl.col("value").str.head(40)).otherwise(pl.col("value"))
    )
    return sent.select("key", cut_short.alias("value"))


def run_job(scene: Scene, job: str, arguments: list[str], properties: str = "spark-short.conf") -> str:
    done = subprocess.run(
        submit_command(scene.settings, job, arguments, properties=properties),
        env=submit_environment() | environment_of(scene.settings, scene.contracts) | SHORT_LIVED,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout


def test_a_worker_killed_during_ingest_costs_nothing(
    scene: Scene, stack: Settings, spark: SparkSession
) -> None:
    send(scene.settings, scene.contract.topic, scene.first)
    with scene.stream(stack.home / "logs" / "killed-worker.log") as stream:
        stream.wait_until_taken(1)
        wait_until(lambda: executors(stack, 1) and executors(stack, 2))

        kill(stack, "spark-worker-1")
        send(scene.settings, scene.contract.topic, scene.second)
        stream.wait_until_taken(scene.count)
    spark_cluster.up(stack, 2, SIZE)

    assert disagreements(spark, scene.settings, scene.contract) == []
    assert ask(scene.settings, "SELECT COUNT(*) FROM reject") == [(BAD_RECORDS,)]


def test_the_stream_outlives_its_master(scene: Scene, stack: Settings, spark: SparkSession) -> None:
    send(scene.settings, scene.contract.topic, scene.first)
    with scene.stream(stack.home / "logs" / "killed-master.log") as stream:
        stream.wait_until_taken(len(scene.first))

        kill(stack, "spark-master")
        found = spark_cluster.up(stack, 2, SIZE)
        wait_until(lambda: spark_cluster.status(stack).applications)  # it knows the stream again
        send(scene.settings, scene.contract.topic, scene.second)
        stream.wait_until_taken(scene.count)

    assert found.master == scene.settings.spark.master
    assert disagreements(spark, scene.settings, scene.contract) == []


def test_the_batch_jobs_run_on_the_workers(scene: Scene) -> None:
    send(scene.settings, scene.contract.topic, scene.first)
    chosen = ["--dataset", DATASET]
    run_job(scene, "jobs/streaming/ingest_readings.py", [*chosen, "--drain"], "spark-ingest.conf")
    names = ("build_silver", "build_gold", "publish_aggregates", "reconcile_layers")
    found = run_job(scene, "tests/faults/jobs_in_a_row.py", [*chosen, *(f"jobs/batch/{n}.py" for n in names)])

    last = found[found.rindex("\n{\n") :]
    document = json.loads(last)["datasets"][DATASET]
    assert document["ok"]
    assert document["produced"] == len(scene.first)


def in_the_lab(scene: Scene, job: Path, folder: Path) -> str:
    """Run a job's lines in a notebook on the cluster; give what it printed."""
    lines, _, _ = job.read_text().partition('if __name__ == "__main__":')
    cells = [nbformat.v4.new_code_cell(text) for text in (lines, "main()")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "asked.ipynb")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (environment_of(scene.settings, scene.contracts) | SHORT_LIVED).items():
            patch.setenv(name, value)
        labs.execute(scene.settings, folder / "asked.ipynb", folder / "done.ipynb", {})
    return labs.printed(nbformat.read(folder / "done.ipynb", as_version=4))


def test_driver_and_workers_are_of_one_python_one_spark_and_one_set_of_jars(scene: Scene) -> None:
    check_versions(run_job(scene, str(VERSIONS), []))


def test_a_notebook_is_of_the_same_python_spark_and_jars_as_its_workers(scene: Scene, tmp_path: Path) -> None:
    check_versions(in_the_lab(scene, VERSIONS, tmp_path))


def check_versions(printed: str) -> None:
    sides = json.loads(printed[printed.index("{") :])
    expected = {
        "python": ".".join(map(str, sys.version_info[:3])),
        "spark": pyspark.__version__,
        "jars": sorted(path.name for path in jars()),
    }
    assert {name: sides["driver"][name] for name in expected} == expected
    assert {name: sides["executor"][name] for name in expected} == expected
    assert sides["driver"]["code"] == str(ROOT / "src" / "courant" / "__init__.py")
    assert ".zip/courant" in sides["executor"]["code"]


def test_a_master_that_is_not_there_is_one_clear_error(stack: Settings) -> None:
    away = stack.model_copy(
        update={"spark": stack.spark.model_copy(update={"master": "spark://127.0.0.1:9"})}
    )

    with pytest.raises(ClusterDownError, match=r"spark://127\.0\.0\.1:9") as failure:
        submit_command(away, "jobs/batch/build_silver.py", [])

    assert "courant cluster up" in failure.value.remedy
