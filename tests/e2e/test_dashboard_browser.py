"""The dashboard in a real browser: what is produced is seen, and a server that comes back is seen without a click."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from ingesting import CONTRACTS, contracts_folder, environment_of, own_sinks, own_topic, produce
from playwright.sync_api import Page, sync_playwright
from publishing import generated

from courant.domain.contract import Contract
from courant.settings import Settings

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
SEEN_WITHIN_MS = 3_000
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no chromium is installed (apt-get install chromium)")


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser.new_page()
        browser.close()


@pytest.fixture
def scene(stack: Settings, tmp_path: Path) -> tuple[Settings, Contract, Path]:
    """Give a topic of the nation's records, of which MySQL has none."""
    settings = own_sinks(stack, "browser", tmp_path)
    balance = own_topic(CONTRACTS["balance"], settings, "tests.browser.balance")
    return settings, balance, contracts_folder(tmp_path / "contracts", balance)


def test_a_record_is_on_the_page_within_three_seconds(
    scene: tuple[Settings, Contract, Path], page: Page
) -> None:
    settings, balance, contracts = scene
    key, value = generated(balance, date(2026, 3, 28), 1).row(40)
    value = value.replace('"consommation_totale":', '"consommation_totale":123400000000,"replaced":')
    with subprocess.Popen(
        [str(Path(sys.executable).parent / "courant"), "dashboard", "--port", "0"],
        env=os.environ | environment_of(settings, contracts), stdout=subprocess.PIPE, text=True,
    ) as server:  # fmt: skip
        try:
            assert server.stdout
            address = re.search(r"http://127\.0\.0\.1:\d+", server.stdout.readline())
            assert address
            open_page(page, address[0])
            page.get_by_text("Newest readings").wait_for(timeout=60_000)
            await_first_record(page, settings, balance.topic)

            produce(settings, balance.topic, [value.encode()], key=key.encode())

            page.get_by_text("123.4 GW").wait_for(timeout=SEEN_WITHIN_MS)
            assert page.get_by_text("Traceback").count() == 0
        finally:
            server.send_signal(signal.SIGTERM)
        assert server.wait(30) == 0


def await_first_record(page: Page, settings: Settings, topic: str, *, within_s: float = 60) -> None:
    """Send records, which are no readings, until the dashboard listens."""
    deadline = time.monotonic() + within_s
    while page.get_by_text("Nothing has arrived").count():
        assert time.monotonic() < deadline
        produce(settings, topic, [b"is anyone there?"])
        page.wait_for_timeout(500)


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
