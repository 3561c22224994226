"""What the tests in a real browser share: the browser, and the dashboard as a process."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ingesting import environment_of
from playwright.sync_api import Browser, Page, sync_playwright

from courant.settings import Settings

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
NO_CHROMIUM = "no chromium is installed (apt-get install chromium)"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@contextmanager
def a_browser() -> Iterator[Browser]:
    """Give a browser without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def serving(settings: Settings, contracts: Path) -> Iterator[str]:
    """Serve the dashboard on any free port, give its address, and see it end as it was asked to."""
    with subprocess.Popen(
        [str(Path(sys.executable).parent / "courant"), "dashboard", "--port", "0"],
        env=os.environ | environment_of(settings, contracts), stdout=subprocess.PIPE, text=True,
    ) as server:  # fmt: skip
        try:
            assert server.stdout
            address = re.search(r"http://127\.0\.0\.1:\d+", server.stdout.readline())
            assert address
            yield address[0]
        finally:
            server.send_signal(signal.SIGTERM)
        assert server.wait(30) == 0


def open_page(page: Page, address: str, *, within_s: float = 60) -> None:
    """Open it as soon as the server listens."""
    deadline = time.monotonic() + within_s
    while True:
        try:
            page.goto(address)
        except Exception as error:  # playwright's: the connection was refused
            assert time.monotonic() < deadline, error
            time.sleep(0.5)
        else:
            return
