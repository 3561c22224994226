"""Where a driver's tasks run and what shows of it: the options that only this machine and its settings know."""

from __future__ import annotations

import hashlib
import io
import os
import socket
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

from courant.errors import ClusterDownError
from courant.settings import PROJECT_ROOT, Settings

#: The property that tells a driver which zip to give to its executors.
CODE = "spark.courant.code"
_METRICS = PROJECT_ROOT / "conf" / "metrics.properties"
_ANSWERS_WITHIN_S = 5


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
        "--conf", f"{CODE}={packed_code(settings.home / 'run')}",
        *(["--total-executor-cores", str(slots)] if slots else []),
    ]  # fmt: skip


def watching_options(settings: Settings) -> list[str]:
    """Give the options of a job's page, its metrics and its event log, where they are wished for."""
    chosen = settings.spark
    page = [
        "--conf", "spark.ui.enabled=true",
        "--conf", f"spark.ui.port={chosen.ui_port}",
        "--conf", f"spark.metrics.conf={_METRICS}",
    ]  # fmt: skip
    kept = [
        "--conf",
        "spark.eventLog.enabled=true",
        "--conf",
        f"spark.eventLog.dir={_made(chosen.event_log)}",
    ]
    return [*(page if chosen.ui_port else []), *(kept if chosen.event_log else [])]


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
