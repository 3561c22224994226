"""From a reading on the topic to a person's eyes: a limit that is crossed is on the dashboard's Health screen."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from alerting import alerting, kept, readings
from ingesting import CONTRACTS, contracts_folder, environment_of, own_sinks, own_topic, produce, wait_until
from playwright.sync_api import sync_playwright

from courant.settings import Settings
from courant.stores.mysql.migrate import upgrade

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no chromium is installed (apt-get install chromium)")


def test_a_limit_that_is_crossed_is_on_the_health_screen(stack: Settings, tmp_path: Path) -> None:
    settings = own_sinks(stack, "alert_on_health", tmp_path)
    upgrade(settings)
    balance = own_topic(CONTRACTS["balance"], settings, "tests.health.balance")
    with alerting(settings, balance, tmp_path, "crossed"):
        produce(settings, balance.topic, readings(1, load=150))
        wait_until(lambda: kept(settings, "crossed") == 1)

        text = health_screen(settings, contracts_folder(tmp_path / "contracts", balance))

    assert "consommation_totale of balance is 150 W, above 100 W" in text
    assert "(crossed, since" in text


def health_screen(settings: Settings, contracts: Path) -> str:
    """Open the screen in a browser, and give its text as soon as it says what is raised."""
    with subprocess.Popen(
        [str(Path(sys.executable).parent / "courant"), "dashboard", "--port", "0"],
        env=os.environ | environment_of(settings, contracts), stdout=subprocess.PIPE, text=True,
    ) as server:  # fmt: skip
        try:
            assert server.stdout
            address = re.search(r"http://127\.0\.0\.1:\d+", server.stdout.readline())
            assert address
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
                page = browser.new_page()
                wait_until(lambda: _answers(address[0]))
                page.goto(f"{address[0]}/health")
                page.get_by_text("Raised now").wait_for(timeout=60_000)
                page.get_by_text("above 100 W").first.wait_for(timeout=60_000)
                text = page.inner_text("body")
                browser.close()
                return text
        finally:
            server.send_signal(signal.SIGTERM)


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/_stcore/health").status_code == 200
    except httpx.HTTPError:
        return False
