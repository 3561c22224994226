"""The machine and the versions that figures were measured on."""

from __future__ import annotations

import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import psutil
from rich.console import Console

from courant.local.jars import JARS
from courant.local.java import java_command
from courant.settings import Settings
from courant.stores.mysql.connection import connect, query

console = Console(width=None if sys.stdout.isatty() else 120)  # a table in a file keeps its columns


def describe_engine() -> str:
    """Tell cores, memory and versions in two lines."""
    return f"{_hardware()}\n{_versions()}"


def describe_machine(settings: Settings) -> str:
    """Tell cores, memory, file system, load and versions in a few lines."""
    load = psutil.getloadavg()[0] if hasattr(psutil, "getloadavg") else float("nan")
    return "\n".join(
        [
            _hardware(),
            f"data on {_file_system(settings.home)}; load before the start {load:.1f}",
            _versions(),
            _database(settings),
        ]
    )


def _hardware() -> str:
    memory = psutil.virtual_memory()
    return (
        f"{_cpu()}, {psutil.cpu_count()} cores, {memory.total / 2**30:.0f} GiB "
        f"({memory.available / 2**30:.0f} free), {platform.system()} {platform.release().partition('-')[0]}"
    )


def _versions() -> str:
    names = ("pyspark", "delta-spark", "pyarrow", "kafka-python", "confluent-kafka", "PyMySQL")
    packages = ", ".join(f"{name} {version(name)}" for name in names)
    broker = next(JARS.glob("kafka/kafka_2.13-*.jar")).stem.rpartition("-")[2]
    return f"Python {platform.python_version()}, {_java()}, Kafka {broker}, {packages}"


def _database(settings: Settings) -> str:
    root = connect(settings, "root", database="mysql")
    names = ("innodb_flush_log_at_trx_commit", "innodb_buffer_pool_size", "log_bin")
    try:
        values = query(root, "SELECT VERSION() AS version, " + ", ".join(f"@@{n} AS {n}" for n in names))[0]
    finally:
        root.close()
    return f"database {values['version']}: " + ", ".join(f"{name} = {values[name]}" for name in names)


def _java() -> str:
    said = subprocess.run([*java_command(), "-version"], capture_output=True, text=True, check=True).stderr
    return said.splitlines()[0]


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def _file_system(path: Path) -> str:
    mounts = [part for part in psutil.disk_partitions(all=True) if path.is_relative_to(part.mountpoint)]
    closest = max(mounts, key=lambda part: len(part.mountpoint), default=None)
    return closest.fstype if closest else "an unknown file system"
