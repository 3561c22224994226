"""Which Java runs the servers and Spark, and whether it is new enough."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from courant.errors import JavaError

MINIMUM_JAVA = 17
REMEDY = "install Java 17 or later (Debian: apt-get install openjdk-17-jre-headless), or set JAVA_HOME to it"


def java_command() -> list[str]:
    """Give the command that starts Java: JAVA_HOME's, else the one on PATH, as Spark chooses it.

    Raises
    ------
    JavaError
        If there is none.
    """
    home = os.environ.get("JAVA_HOME")
    found = shutil.which(str(Path(home, "bin", "java"))) if home else shutil.which("java")
    if not found:
        where = f"in JAVA_HOME ({home})" if home else "on PATH"
        raise JavaError(f"There is no java {where}", remedy=REMEDY)
    return [found]


def java_version() -> int:
    """Give the major version of that Java.

    Raises
    ------
    JavaError
        If there is none, or it does not say its version.
    """
    answer = subprocess.run([*java_command(), "-version"], capture_output=True, text=True, check=False)
    version = parse_version(answer.stderr + answer.stdout)
    if version is None:
        raise JavaError(
            f"{java_command()[0]} -version says no version: {answer.stderr.strip()!r}", remedy=REMEDY
        )
    return version


def check_java() -> int:
    """Give the major version of Java, which is new enough.

    Raises
    ------
    JavaError
        If there is no Java or it is older than ``MINIMUM_JAVA``.
    """
    version = java_version()
    if version < MINIMUM_JAVA:
        raise JavaError(
            f"Java {version} ({java_command()[0]}) is too old: {MINIMUM_JAVA} is needed", remedy=REMEDY
        )
    return version


def parse_version(text: str) -> int | None:
    """Read the major version in what ``java -version`` prints (``1.8.0`` is 8)."""
    found = re.search(r'version "(?:1\.)?(\d+)', text)
    return int(found[1]) if found else None
