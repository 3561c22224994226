"""A real NiFi for the tests: unpacked from a bundle beside the repository, started, killed, started again."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
from waiting import wait_until

from courant.local.java import parse_version
from courant.local.ports import free_ports
from courant.settings import PROJECT_ROOT

MINIMUM_JAVA = 21
#: A packed or unpacked NiFi with a script `nifi-start`. Read at import: fixtures take COURANT_* away.
BUNDLE = Path(
    os.environ.get("COURANT_REAL_NIFI") or PROJECT_ROOT.parent / "shared" / "nifi" / "nifi-2.8.0-min.tar.xz"
)
_JVM_FOLDERS = ("/usr/lib/jvm", "/opt", "~/.sdkman/candidates/java", "/Library/Java/JavaVirtualMachines")


def missing() -> str:
    """Say what a NiFi lacks here; empty where one can be started."""
    if not BUNDLE.exists():
        return f"there is no NiFi at {BUNDLE} (COURANT_REAL_NIFI names another place)"
    return "" if java_home() else f"NiFi needs Java {MINIMUM_JAVA}, and there is none"


def java_home() -> Path | None:
    """Find a Java that NiFi runs on."""
    asked = os.environ.get("JAVA_HOME")
    for home in (*([Path(asked)] if asked else []), *_installed()):
        java = home / "bin" / "java"
        if java.is_file():
            answer = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
            if (parse_version(answer.stderr) or 0) >= MINIMUM_JAVA:
                return home
    return None


def _installed() -> Iterator[Path]:
    for folder in _JVM_FOLDERS:
        yield from sorted(Path(folder).expanduser().glob("*"))


class NifiServer:
    """One NiFi with a data folder of its own; what it had queued is there again after a kill."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._home = BUNDLE if BUNDLE.is_dir() else _unpack(BUNDLE, folder)
        self._port, management = free_ports(2)
        self.url = f"http://127.0.0.1:{self._port}"
        self._environment = {
            "NIFI_DATA": str(folder / "data"),
            "NIFI_HTTP_PORT": str(self._port),
            "NIFI_MGMT_PORT": str(management),
            "NIFI_WAIT": "0",
            "NIFI_HEAP": "900m",
            "NIFI_JAVA_OPTS": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1",  # it lives for a minute or two
            "JAVA_HOME": str(java_home()),
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it has its flow."""
        with (self._folder / "start.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._home / "nifi-start"],
                env=os.environ | self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until(self._answers)

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self._process
        self._process.kill()
        self._process.wait(timeout=30)

    def stop(self) -> None:
        """End it in good order; its data goes."""
        if self._process and self._process.poll() is None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=30)
            if self._process.poll() is None:
                self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answers(self) -> bool:
        assert self._process
        assert self._process.poll() is None, (self._folder / "start.log").read_text()
        with suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/nifi-api/flow/process-groups/root", timeout=5).is_success
        return False


def _unpack(packed: Path, folder: Path) -> Path:
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    (home,) = (path for path in folder.iterdir() if (path / "nifi-start").exists())
    return home
