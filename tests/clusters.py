"""What the tests of the cluster share: its processes, and a streaming job on it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from ingesting import SHORT_LIVED, ask, environment_of
from pymysql.err import ProgrammingError
from waiting import wait_until

from courant.domain.contract import Contract
from courant.local.process import read_record
from courant.local.server import record_of
from courant.local.spark_cluster import ClusterStatus
from courant.settings import Settings
from courant.stores import delta
from courant.submit import INGEST, start_job, stop_job


def on_cluster(settings: Settings, cluster: ClusterStatus) -> Settings:
    """Give settings whose jobs run on the cluster."""
    return settings.model_copy(update={"spark": settings.spark.model_copy(update={"master": cluster.master})})


def kill(settings: Settings, name: str) -> None:
    """Kill a process of the cluster, and what it started, without any farewell."""
    record = read_record(record_of(settings.home, name))
    assert record is not None
    top = psutil.Process(record.pid)
    tree = [*top.children(recursive=True), top]
    for process in tree:
        process.kill()
    psutil.wait_procs(tree, timeout=10)


def executors(settings: Settings, worker: int) -> list[psutil.Process]:
    """List the executors that a worker runs."""
    record = read_record(record_of(settings.home, f"spark-worker-{worker}"))
    return psutil.Process(record.pid).children() if record else []


@dataclass(frozen=True)
class Stream:
    """An ingest that runs, and what it reads."""

    settings: Settings
    contract: Contract
    job: subprocess.Popen[bytes]
    log: Path

    def wait_until_taken(self, records: int) -> None:
        """Wait until both sinks have so many records."""
        wait_until(lambda: self.has_taken(records), within_s=300)

    def has_taken(self, records: int) -> bool:
        """Say whether both sinks have so many records; fail where nobody reads on."""
        assert self.job.poll() is None, self.log.read_text()[-3000:]
        return min(taken(self.settings, self.contract)) >= records


@contextmanager
def a_stream(settings: Settings, contract: Contract, contracts: Path, log: Path) -> Iterator[Stream]:
    """Run the ingest as people run it, until the block ends."""
    with pytest.MonkeyPatch.context() as patch, log.open("wb") as output:
        for name, value in (environment_of(settings, contracts) | SHORT_LIVED).items():
            patch.setenv(name, value)
        chosen = ["--dataset", contract.name]
        job = start_job(settings, INGEST, chosen, properties="spark-ingest.conf", log=output.fileno())
    try:
        yield Stream(settings, contract, job, log)
    finally:
        code = stop_job(job)
    assert code == 0, log.read_text()[-3000:]


def taken(settings: Settings, contract: Contract) -> tuple[int, int]:
    """Say how far MySQL and bronze have come: the sums of their next offsets."""
    try:
        mysql = ask(settings, "SELECT COALESCE(SUM(next_offset), 0) FROM ingest_offset")[0][0]
    except ProgrammingError:  # the ingest has not made its tables yet
        mysql = 0
    path = delta.bronze_path(settings.lake.root, contract.name)
    lives = delta.read_epochs(path)
    bronze = delta.read_positions(path, lives[-1]) if lives else {}
    return int(mysql), sum(bronze.values())
