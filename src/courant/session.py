"""Spark sessions and how a job is submitted. No Spark property is set in code: see conf/, and placement.py."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

from courant.errors import SettingsError, StackError
from courant.placement import CODE, place_options, watching_options
from courant.settings import PROJECT_ROOT, Settings

CONF = PROJECT_ROOT / "conf"
JARS = PROJECT_ROOT / ".jars" / "spark"


def get_spark(app_name: str) -> SparkSession:
    """Give the session that spark-submit configured, or one configured by SPARK_CONF_DIR; executors get our code."""
    try:
        spark = SparkSession.builder.appName(app_name).getOrCreate()
    except Py4JJavaError as error:
        raise StackError(
            f"Spark did not start: {str(error.java_exception.getMessage()).splitlines()[0]}",
            remedy="on a cluster, see the logs of its workers; COURANT_DEBUG=1 shows the whole trace",
        ) from error
    code = spark.conf.get(CODE, "")
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


def submit_environment(listen_on: str = "127.0.0.1") -> dict[str, str]:
    """Give the environment of a submitted job: our conf folder, and this environment's Python on both sides.

    Parameters
    ----------
    listen_on
        The address of the job's page, if it has one; 0.0.0.0 for all of this machine's.
    """
    ours = {"SPARK_CONF_DIR": str(CONF), "PYSPARK_PYTHON": sys.executable, "PYTHONUNBUFFERED": "1"}
    return os.environ | ours | ({} if listen_on == "0.0.0.0" else {"SPARK_LOCAL_IP": listen_on})  # noqa: S104


def interactive_environment(settings: Settings, *, properties: str | None = None) -> dict[str, str]:
    """Give the variables under which `get_spark` makes a session in its own process, as spark-submit would.

    Parameters
    ----------
    properties
        A properties file in conf/, read on top of spark-defaults.conf.

    Raises
    ------
    ClusterDownError
        If the master of a cluster does not answer.
    """
    own = ["--properties-file", str(CONF / properties), "--load-spark-defaults"] if properties else []
    arguments = [*place_options(settings), *own, "--jars", ",".join(map(str, jars())), "pyspark-shell"]
    return {
        "SPARK_CONF_DIR": str(CONF),
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_SUBMIT_ARGS": shlex.join(arguments),  # PySpark splits it as a shell does
    }


def jars() -> list[Path]:
    """List the JVM artifacts that Spark needs beside its own."""
    found = sorted(JARS.glob("*.jar"))
    if not found:
        raise SettingsError(f"No JVM artifacts in {JARS}", remedy="run `make setup`")
    return found
