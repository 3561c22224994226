"""A Spark cluster on this machine: a standalone master and workers from the pip-installed PySpark.

The master keeps what it knows in files, so that one that was restarted finds its workers and its
applications again, and they go on.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pyspark

from courant.errors import StackError
from courant.local import launch, process
from courant.local.jars import silent
from courant.local.java import check_java, java_command
from courant.local.lock import only_one
from courant.local.ports import LOCALHOST, choose_ports
from courant.local.server import NotReadyError, Server, folder_of, record_of
from courant.settings import Settings

_MASTER = "spark-master"
_WORKER = "spark-worker"
_OF_THE_MASTER = (_MASTER, f"{_MASTER}-ui")


@dataclass(frozen=True, slots=True)
class WorkerSize:
    """What one worker may give to executors."""

    cores: int = 1
    memory: str = "1g"  # as Spark writes sizes


@dataclass(frozen=True, slots=True)
class ClusterStatus:
    """The cluster as its master sees it."""

    master: str  # spark://host:port
    ui: str
    workers: int  # alive
    cores: int
    applications: tuple[str, ...]  # names of those that run


@dataclass(frozen=True, slots=True)
class Master:
    """The one process that gives cores to applications."""

    home: Path
    port: int
    ui_port: int
    name: str = _MASTER

    @property
    def argument(self) -> str:
        """The folder of what it knows, as its property."""
        return f"-Dspark.deploy.recoveryDirectory={folder_of(self.home, self.name)}"

    def prepare(self) -> None:
        """Make the folder."""
        folder_of(self.home, self.name).mkdir(parents=True, exist_ok=True)

    def command(self) -> list[str]:
        """Give the master's command."""
        properties = [
            "-Dspark.deploy.recoveryMode=FILESYSTEM",
            self.argument,
            "-Dspark.master.rest.enabled=false",
        ]
        ports = ["--port", str(self.port), "--webui-port", str(self.ui_port)]
        return [*_java(*properties), "org.apache.spark.deploy.master.Master", "--host", LOCALHOST, *ports]

    def check_answers(self) -> None:
        """Ask its page whether it leads the cluster yet."""
        found = _ask(self.ui_port)["status"]
        if found != "ALIVE":
            raise NotReadyError(f"the master is {found}")

    def make_ready(self) -> None:
        """Nothing to do."""


@dataclass(frozen=True, slots=True)
class Worker:
    """One process that starts executors."""

    home: Path
    number: int
    port: int
    master: Master
    size: WorkerSize

    @property
    def name(self) -> str:
        """Its name in files."""
        return f"{_WORKER}-{self.number}"

    @property
    def argument(self) -> str:
        """The folder of its executors."""
        return str(folder_of(self.home, self.name))

    def prepare(self) -> None:
        """Make the folder."""
        Path(self.argument).mkdir(parents=True, exist_ok=True)

    def command(self) -> list[str]:
        """Give the worker's command; what ended applications leave is removed after an hour."""
        cleanup = ["-Dspark.worker.cleanup.enabled=true", "-Dspark.worker.cleanup.appDataTtl=3600"]
        size = ["--cores", str(self.size.cores), "--memory", self.size.memory]
        place = [
            "--host",
            LOCALHOST,
            "--port",
            str(self.port),
            "--webui-port",
            "0",
            "--work-dir",
            self.argument,
        ]
        return [
            *_java(*cleanup),
            "org.apache.spark.deploy.worker.Worker", *place, *size, master_url(self.master.port),
        ]  # fmt: skip

    def check_answers(self) -> None:
        """Ask the master whether it knows this worker."""
        known = _ask(self.master.ui_port)["workers"]
        if not any(worker["port"] == self.port and worker["state"] == "ALIVE" for worker in known):
            raise NotReadyError("the master does not know it yet")

    def make_ready(self) -> None:
        """Nothing to do."""


def up(
    settings: Settings,
    workers: int,
    size: WorkerSize,
    report: Callable[[str, str], None] = silent,
) -> ClusterStatus:
    """Start what does not run yet of a master and so many workers; the master keeps its ports.

    Raises
    ------
    StackError, JavaError, PortInUseError
        Each says what to do; what had been started is stopped again.
    """
    check_java()
    home = settings.home
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with only_one(home):
        master = _master(home)
        started: list[Server] = []
        try:
            if not _runs(home, master):
                started.append(launch.start(home, master, report, given_up=threading.Event(), may_move=False))
                _remember(home, master)
            ports = choose_ports({f"{_WORKER}-{number}": 0 for number in range(1, workers + 1)}, {})
            wanted = [
                Worker(home, int(name.rpartition("-")[2]), port, master, size) for name, port in ports.items()
            ]
            for worker in wanted:
                if not _runs(home, worker):
                    started.append(
                        launch.start(home, worker, report, given_up=threading.Event(), may_move=True)
                    )
        except BaseException:
            launch.stop_all(home, reversed(started))
            raise
        return _status(master)


def down(settings: Settings) -> tuple[str, ...]:
    """Stop the workers and the master; give the names of those that ran."""
    home = settings.home
    if not _file(home).exists():
        return ()
    with only_one(home):
        master = _master(home)
        numbers = sorted(
            int(path.name.rpartition("-")[2]) for path in folder_of(home, "").glob(f"{_WORKER}-*")
        )
        workers = [Worker(home, number, 0, master, WorkerSize()) for number in numbers]
        stopped = launch.stop_all(home, [*workers, master])
        for path in folder_of(home, _MASTER).glob("*"):
            path.unlink()  # applications and workers that are no more
        return stopped


def status(settings: Settings) -> ClusterStatus:
    """Ask the master.

    Raises
    ------
    StackError
        If no cluster of this home runs.
    """
    master = _master(settings.home) if _file(settings.home).exists() else None
    if master is None or not _runs(settings.home, master):
        raise StackError("No Spark cluster of this home runs", remedy="run `courant cluster up`")
    return _status(master)


def master_url(port: int) -> str:
    """Give the address that applications and workers use."""
    return f"spark://{LOCALHOST}:{port}"


def _status(master: Master) -> ClusterStatus:
    page = _ask(master.ui_port)
    alive = [worker for worker in page["workers"] if worker["state"] == "ALIVE"]
    return ClusterStatus(
        master_url(master.port),
        f"http://{LOCALHOST}:{master.ui_port}",
        len(alive),
        sum(worker["cores"] for worker in alive),
        tuple(application["name"] for application in page["activeapps"]),
    )


def _ask(ui_port: int) -> dict[str, Any]:
    try:
        page: dict[str, Any] = httpx.get(f"http://{LOCALHOST}:{ui_port}/json/", timeout=5).json()
    except (httpx.HTTPError, ValueError) as error:
        raise NotReadyError(f"the master's page does not answer: {error}") from error
    return page


def _master(home: Path) -> Master:
    """Give the master with the ports it had before: applications and workers know no others."""
    remembered = json.loads(_file(home).read_text()) if _file(home).exists() else {}
    ports = remembered or choose_ports(dict.fromkeys(_OF_THE_MASTER, 0), {})
    port, ui_port = (ports[name] for name in _OF_THE_MASTER)
    return Master(home, port, ui_port)


def _remember(home: Path, master: Master) -> None:
    _file(home).write_text(json.dumps(dict(zip(_OF_THE_MASTER, (master.port, master.ui_port), strict=True))))


def _file(home: Path) -> Path:
    return home / "cluster.json"


def _runs(home: Path, server: Server) -> bool:
    return process.read_record(record_of(home, server.name)) is not None


def _java(*properties: str) -> list[str]:
    """Write how a process of the cluster starts: Spark's own jars, and every port on this machine alone."""
    home = Path(pyspark.__file__).parent
    core = next((home / "jars").glob("spark-core_*.jar"))
    return [
        "env",
        f"SPARK_HOME={home}",
        f"SPARK_SCALA_VERSION={core.name.removeprefix('spark-core_').partition('-')[0]}",  # to find its jars by
        f"SPARK_LOCAL_IP={LOCALHOST}",
        "SPARK_PUBLIC_DNS=localhost",
        *java_command(), "-Xmx256m", *properties, "-cp", f"{home / 'jars'}{os.sep}*",
    ]  # fmt: skip
