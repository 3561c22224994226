"""Spark sessions and how a job is submitted. Spark properties stand in conf/: here are only a machine's addresses."""

from __future__ import annotations

import hashlib
import io
import os
import socket
import sys
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

from courant.errors import ClusterDownError, SettingsError, StackError
from courant.settings import PROJECT_ROOT, Settings

CONF = PROJECT_ROOT / "conf"
JARS = PROJECT_ROOT / ".jars" / "spark"
_CODE = "spark.courant.code"
_ANSWERS_WITHIN_S = 5


def get_spark(app_name: str) -> SparkSession:
    """Give the session that spark-submit configured, or one configured by SPARK_CONF_DIR; executors get our code."""
    try:
        spark = SparkSession.builder.appName(app_name).getOrCreate()
    except Py4JJavaError as error:
        raise StackError(
            f"Spark did not start: {str(error.java_exception.getMessage()).splitlines()[0]}",
            remedy="on a cluster, see the logs of its workers; COURANT_DEBUG=1 shows the whole trace",
        ) from error
    code = spark.conf.get(_CODE, "")
    if code:
        spark.sparkContext.addPyFile(code)
    return spark


def submit_command(
    settings: Settings,
    job: str,
    arguments: list[str],
    *,
    properties: str | None = None,
    slots: int | None = None,
) -> list[str]:
    """Write the spark-submit command of a job.

    Parameters
    ----------
    job
        Path of the entry point below the project, e.g. ``jobs/streaming/ingest_readings.py``.
    properties
        The job's own properties file in conf/, read on top of spark-defaults.conf.
    slots
        Tasks that must run at once, whatever number of cores a local master has.

    Raises
    ------
    ClusterDownError
        If the master of a cluster does not answer.
    """
    own = ["--properties-file", str(CONF / properties), "--load-spark-defaults"] if properties else []
    return [
        str(Path(sys.executable).parent / "spark-submit"),
        *place_options(settings, slots),
        *watching_options(settings),
        "--jars", ",".join(map(str, jars())),
        *own,
        str(PROJECT_ROOT / job),
        *arguments,
    ]  # fmt: skip


def watching_options(settings: Settings) -> list[str]:
    """Give the options of a job's page, its metrics and its event log, where they are wished for."""
    chosen = settings.spark
    page = [
        "--conf", "spark.ui.enabled=true",
        "--conf", f"spark.ui.port={chosen.ui_port}",
        "--conf", f"spark.metrics.conf={CONF / 'metrics.properties'}",
    ]  # fmt: skip
    kept = [
        "--conf",
        "spark.eventLog.enabled=true",
        "--conf",
        f"spark.eventLog.dir={_made(chosen.event_log)}",
    ]
    return [*(page if chosen.ui_port else []), *(kept if chosen.event_log else [])]


def place_options(settings: Settings, slots: int | None = None) -> list[str]:
    """Give the options that say where a driver's tasks run: on this machine, or on a cluster's workers.

    Workers reach the driver at the address from which it reaches the master; and they get our code as a zip,
    which the driver adds when it starts: as a file of spark-submit the driver itself would import from it.

    Raises
    ------
    ClusterDownError
        If the master of a cluster does not answer.
    """
    master = settings.spark.master
    if master.startswith("local"):
        return ["--master", f"local[{slots}]" if slots else master]
    here = _own_address(master)
    return [
        "--master", master,
        "--conf", f"spark.driver.host={here}",
        "--conf", f"spark.driver.bindAddress={here}",
        "--conf", f"{_CODE}={packed_code(settings.home / 'run')}",
        *(["--total-executor-cores", str(slots)] if slots else []),
    ]  # fmt: skip


def packed_code(folder: Path) -> Path:
    """Write our package as a zip into the folder, named by its content; one that is there stays."""
    package = PROJECT_ROOT / "src" / "courant"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(package.rglob("*.py")):
            entry = zipfile.ZipInfo(
                str(path.relative_to(package.parent))
            )  # without a time: same code, same zip
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    target = folder / f"courant-{hashlib.sha256(packed.getvalue()).hexdigest()[:16]}.zip"
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        scratch = target.with_suffix(f".{os.getpid()}.new")
        scratch.write_bytes(packed.getvalue())
        scratch.replace(target)
    return target


def _made(folder: Path | None) -> str:
    """Make the folder, and give its address."""
    if folder is None:
        return ""
    folder.mkdir(parents=True, exist_ok=True)
    return folder.absolute().as_uri()


def _own_address(master: str) -> str:
    """Give the address of this machine as the master sees it."""
    first = urlsplit(master.split(",", maxsplit=1)[0])
    try:
        with socket.create_connection(
            (first.hostname or "", first.port or 0), _ANSWERS_WITHIN_S
        ) as connection:
            return str(connection.getsockname()[0])
    except (OSError, ValueError) as error:
        raise ClusterDownError(
            f"No Spark master answers at {master}: {error}",
            remedy="start it (`courant cluster up`), or mend [spark] master, the variable COURANT_SPARK_MASTER",
        ) from error


def submit_environment(listen_on: str = "127.0.0.1") -> dict[str, str]:
    """Give the environment of a submitted job: our conf folder, and this environment's Python on both sides.

    Parameters
    ----------
    listen_on
        The address of the job's page, if it has one; 0.0.0.0 for all of this machine's.
    """
    ours = {"SPARK_CONF_DIR": str(CONF), "PYSPARK_PYTHON": sys.executable, "PYTHONUNBUFFERED": "1"}
    return os.environ | ours | ({} if listen_on == "0.0.0.0" else {"SPARK_LOCAL_IP": listen_on})  # noqa: S104


def jars() -> list[Path]:
    """List the JVM artifacts that Spark needs beside its own."""
    found = sorted(JARS.glob("*.jar"))
    if not found:
        raise SettingsError(f"No JVM artifacts in {JARS}", remedy="run `make setup`")
    return found
