"""Spark sessions and how a job is submitted. No Spark property is set in code: see conf/."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pyspark.sql import SparkSession

from courant.errors import SettingsError
from courant.settings import PROJECT_ROOT, Settings

CONF = PROJECT_ROOT / "conf"
JARS = PROJECT_ROOT / ".jars" / "spark"


def get_spark(app_name: str) -> SparkSession:
    """Give the session that spark-submit configured, or one configured by SPARK_CONF_DIR."""
    return SparkSession.builder.appName(app_name).getOrCreate()


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
    """
    own = ["--properties-file", str(CONF / properties), "--load-spark-defaults"] if properties else []
    return [
        str(Path(sys.executable).parent / "spark-submit"),
        "--master", f"local[{slots}]" if slots and settings.spark.master.startswith("local") else settings.spark.master,
        "--jars", ",".join(map(str, jars())),
        *own,
        str(PROJECT_ROOT / job),
        *arguments,
    ]  # fmt: skip


def submit_environment() -> dict[str, str]:
    """Give the environment of a submitted job: our conf folder, and this environment's Python on both sides."""
    return os.environ | {
        "SPARK_CONF_DIR": str(CONF),
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONUNBUFFERED": "1",
    }


def jars() -> list[Path]:
    """List the JVM artifacts that Spark needs beside its own."""
    found = sorted(JARS.glob("*.jar"))
    if not found:
        raise SettingsError(f"No JVM artifacts in {JARS}", remedy="run `make setup`")
    return found
