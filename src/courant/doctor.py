"""Is this machine fit to run Courant? Each check gives what it found, or the error that would come later."""

from __future__ import annotations

import platform
import re
import stat
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path

import psutil

from courant.domain.contract import load_contracts
from courant.errors import CourantError, SettingsError, StackError
from courant.local import jars, launch, ports
from courant.local.disk import check_disk
from courant.local.java import check_java
from courant.settings import Settings, secrets_file

MINIMUM_PYTHON = (3, 11)
NEEDED_MEMORY_MB = 2500  # the three servers take about 1,000, Spark's driver 1,500


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    name: str
    is_ok: bool
    found: str
    remedy: str = ""
    exit_code: int = 0


def examine(settings: Settings) -> list[Finding]:
    """Run every check, in the order in which their failures would show."""
    checks: dict[str, Callable[[], str]] = {
        "Python": partial(check_python, sys.version_info[:3]),
        "Java": lambda: f"Java {check_java()}",
        "JVM artifacts": partial(check_jars, jars.missing),
        "versions": lambda: check_versions(installed_versions(), jar_versions(jars.IVY_FILE)),
        "memory": lambda: check_memory(
            psutil.virtual_memory().available // 1_000_000, bool(_running(settings))
        ),
        "disk": lambda: f"{check_disk(settings.home)} MB free",
        "ports": partial(check_ports, settings),
        "contracts": lambda: ", ".join(load_contracts(settings.contracts_dir)),
        "secrets": partial(check_secrets, secrets_file(settings.home)),
    }
    return [finding(name, check) for name, check in checks.items()]


def exit_code(findings: list[Finding]) -> int:
    """Give the exit code of the first failure; 0 when all is well."""
    return next((finding.exit_code for finding in findings if not finding.is_ok), 0)


def check_python(version: tuple[int, ...]) -> str:
    """Check Python's version.

    Raises
    ------
    SettingsError
        If it is older than ``MINIMUM_PYTHON``.
    """
    text = ".".join(map(str, version))
    if version < MINIMUM_PYTHON:
        raise SettingsError(
            f"Python {text} is too old", remedy="install Python 3.11 or later, then `make setup`"
        )
    return f"Python {text} on {platform.system()} {platform.machine()}"


def check_jars(missing: Callable[[], list[str]]) -> str:
    """Check that .jars/ is whole.

    Raises
    ------
    StackError
        If something is missing or out of date.
    """
    lacking = missing()
    if lacking:
        shown = ", ".join(lacking[:5]) + (" …" if len(lacking) > 5 else "")
        raise StackError(f"{jars.JARS} lacks {shown}", remedy="run `rm -rf .jars && make setup`")
    return f"complete in {jars.JARS}"


def check_versions(installed: Mapping[str, str], artifacts: Mapping[str, str]) -> str:
    """Check that the Python and the JVM side of Spark and of Delta are of the same versions.

    Parameters
    ----------
    installed
        Python packages: version by name (pyspark, delta-spark).
    artifacts
        JVM artifacts on Spark's class path: version by name, the Scala (and Spark) version in the name.

    Raises
    ------
    SettingsError
        If two differ that must agree.
    """
    spark, delta = installed["pyspark"], installed["delta-spark"]
    line = ".".join(spark.split(".")[:2])
    expected = {
        f"delta-spark_{line}_2.13": ".".join(delta.split(".")[:2]),
        "delta-storage": artifacts.get(f"delta-spark_{line}_2.13", "none"),
        "spark-sql-kafka-0-10_2.13": spark,
    }
    for name, version in expected.items():
        if not artifacts.get(name, "none").startswith(version):
            raise SettingsError(
                f"pyspark {spark} and delta-spark {delta} need {name} {version}, "
                f"conf/ivy.xml has {artifacts.get(name, 'none')}",
                remedy="make pyproject.toml and conf/ivy.xml agree, then `make lock`, and `make setup`",
            )
    return f"pyspark {spark}, delta-spark {delta} and their jars agree"


def installed_versions() -> dict[str, str]:
    """Give the versions of the Python packages that have a JVM side."""
    return {name: metadata.version(name) for name in ("pyspark", "delta-spark")}


def jar_versions(ivy_file: Path) -> dict[str, str]:
    """Read the versions of the artifacts on Spark's class path, by name."""
    dependencies = ET.parse(ivy_file).getroot().iter("dependency")  # noqa: S314 - our own file
    return {
        entry.attrib["name"]: entry.attrib["rev"]
        for entry in dependencies
        if re.match(r"spark\b", entry.attrib["conf"])
    }


def check_memory(available_mb: int, is_up: bool) -> str:
    """Check that the stack and a Spark driver fit into the memory that is free.

    Raises
    ------
    StackError
        If they do not.
    """
    needed = NEEDED_MEMORY_MB - 1000 * is_up
    if available_mb < needed:
        raise StackError(
            f"{available_mb} MB of memory are free, {needed} are needed", remedy="close other programs"
        )
    return f"{available_mb} MB free"


def check_ports(settings: Settings) -> str:
    """Check that the ports that are set are free, or ours.

    Raises
    ------
    PortInUseError
        If another process has one.
    """
    running = _running(settings)
    wished = {
        name: port
        for name, port in ports.wished_ports(settings).items()
        if port and port != running.get(name)
    }
    for name, port in wished.items():
        ports.check_free(name, port)
    return (
        ", ".join(f"{name} {port}" for name, port in (running | wished).items())
        or "any free ones will be taken"
    )


def check_secrets(path: Path) -> str:
    """Check that nobody else can read the passwords.

    Raises
    ------
    SettingsError
        If the file's mode lets others read it.
    """
    if not path.exists():
        return "none yet: the first `courant up` makes them"
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise SettingsError(f"{path} has mode {mode:o}: others can read it", remedy=f"chmod 600 {path}")
    return f"{path}, mode {mode:o}"


def _running(settings: Settings) -> dict[str, int]:
    return launch.running_ports(settings.home)


def finding(name: str, check: Callable[[], str]) -> Finding:
    """Run a check; give what it found, or the error that it raised."""
    try:
        return Finding(name, True, check())
    except CourantError as error:
        return Finding(name, False, error.message, error.remedy, error.exit_code)
