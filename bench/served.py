"""The dashboard as people have it: its server as a process, a browser that looks, and records that keep arriving."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from playwright.sync_api import Browser, Page, sync_playwright
from servers import environment

from courant.ml.process_tree import ProcessTree
from courant.session import submit_command, submit_environment
from courant.settings import Settings

FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--enable-precise-memory-info")
PATIENCE_MS = 60_000
MIB = 2**20
_STOP_WITHIN_S = 60
_DRAWN = """() => {
  const app = document.querySelector('[data-testid=stApp]');
  const charts = [...document.querySelectorAll('[data-testid=stVegaLiteChart]')];
  return app?.dataset.testScriptState === 'notRunning'
    && !document.querySelector('[data-stale=true], [data-testid=stSkeleton]')
    && charts.length >= CHARTS && charts.every(one => one.querySelector('canvas, svg'));
}"""


class Server:
    """The dashboard's processes."""

    def __init__(self, process: subprocess.Popen[str], address: str) -> None:
        self.address, self._tree, self._process = address, ProcessTree(process.pid), process

    def pss_mb(self) -> float:
        """Give the proportional set size of all its processes, in MiB."""
        return self._tree.pss_mb()

    def cpu_s(self) -> float:
        """Give the user and system seconds that it has used."""
        return sum(sum(one.cpu_times()[:2]) for one in self._members())

    def threads(self) -> int:
        """Count the threads of its processes."""
        return sum(one.num_threads() for one in self._members())

    def connections_to(self, port: int) -> int:
        """Count its open connections to a port of this machine."""
        return sum(
            found.status == psutil.CONN_ESTABLISHED and found.raddr.port == port
            for one in self._members()
            for found in one.net_connections("tcp")
            if found.raddr
        )

    def _members(self) -> list[psutil.Process]:
        root = psutil.Process(self._process.pid)
        return [root, *root.children(recursive=True)]


@contextmanager
def dashboard(settings: Settings) -> Iterator[Server]:
    """Serve the dashboard on any free port."""
    courant = Path(sys.executable).parent / "courant"
    with subprocess.Popen(
        [str(courant), "dashboard", "--port", "0"],
        env=os.environ | environment(settings),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline() if process.stdout else "")
            if not found:
                raise SystemExit("the dashboard did not start")
            yield Server(process, found[0])
        finally:
            process.terminate()


@contextmanager
def arriving(settings: Settings, files: dict[str, Path], *, rate: float) -> Iterator[None]:
    """Replay a file of each data set over and over, at so many records a second, while the ingest takes them."""
    courant, log = str(Path(sys.executable).parent / "courant"), (settings.home / "arriving.log").open("wb")
    datasets = [text for name in files for text in ("--dataset", name)]
    ingest = submit_command(
        settings, "jobs/streaming/ingest_readings.py", datasets, properties="spark-ingest.conf"
    )
    replays = [
        [courant, "replay", str(path), "--dataset", name, "--rate", str(rate), "--shift-to", "now", "--loop"]
        for name, path in files.items()
    ]
    own = environment(settings) | {
        "COURANT_INGEST_MYSQL_TRIGGER_MS": "2000"
    }  # a human pace: leave the cores alone
    with log:
        running = [
            subprocess.Popen(command, env=submit_environment() | own, stdout=log, stderr=log)
            for command in (ingest, *replays)
        ]
        try:
            yield
        finally:
            for process in running:
                _stop(process.pid)


def _stop(pid: int) -> None:
    """End a process and what it started, the youngest first, so that a driver commits its batch."""
    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        tree = [*reversed(root.children(recursive=True)), root]
        for one in tree:
            with suppress(psutil.NoSuchProcess):
                one.terminate()
        for one in psutil.wait_procs(tree, timeout=_STOP_WITHIN_S)[1]:
            one.kill()


@contextmanager
def browser() -> Iterator[Browser]:
    """Give a browser without a window."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        yield opened
        opened.close()


def await_drawn(page: Page, *, charts: int) -> None:
    """Wait until the server has nothing more to say and so many charts, and all of them, are drawn."""
    page.wait_for_function(_DRAWN.replace("CHARTS", str(charts)), polling="raf", timeout=PATIENCE_MS)


def open_screen(page: Page, server: Server, name: str, *, within_s: float = 60) -> None:
    """Open a screen; wait for a server that is just starting."""
    for _ in range(int(within_s * 2)):
        try:
            page.goto(f"{server.address}/{name}")
        except Exception as error:
            if "REFUSED" not in str(error):
                raise
            page.wait_for_timeout(500)
        else:
            return
    raise SystemExit(f"{server.address} does not answer")
