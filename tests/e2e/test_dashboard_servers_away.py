"""Servers stopped for real, one by one, under a dashboard that goes on: pages open, say so, and heal by themselves."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from browsing import CHROMIUM, NO_CHROMIUM, a_browser, open_page, serving
from ingesting import (
    CONTRACTS,
    a_stack_of_its_own,
    contracts_folder,
    drain,
    end_server,
    own_sinks,
    own_topic,
    send,
)
from playwright.sync_api import Browser, Page, expect
from publishing import generated
from pyspark.sql import SparkSession
from watched import add_models

from courant.batch.publish import publish
from courant.local.stack import up
from courant.settings import Settings

DAY = date(2026, 3, 28)
MEMBER = "consumption_inf36|11|RES1"
OPENED_MS, HEALED_MS = 60_000, 40_000
#: Each screen, and what it says only when it has all that it needs.
WHOLE = {
    "live": "Newest readings",
    "explore": "Regions, by the energy of these days",
    "forecast": "Inside the interval",
    "segments": "Days of each series",
    "health": "Drift, by the newest check",
}
AWAY = {
    "mysql": ("MySQL", {"live", "forecast", "health"}),
    "mongo": ("MongoDB", {"explore", "forecast", "segments", "health"}),
    "kafka": ("Kafka", {"live", "health"}),
}
pytestmark = pytest.mark.skipif(not CHROMIUM, reason=NO_CHROMIUM)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with a_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Give a stack whose servers these tests may stop."""
    with a_stack_of_its_own(tmp_path_factory.mktemp("away")) as stack:
        yield stack


@pytest.fixture(scope="module")
def scene(
    own_stack: Settings, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Settings, Path]:
    """Give a day of the nation and of a region in all stores, with a forecast and segments."""
    folder = tmp_path_factory.mktemp("away_scene")
    settings = own_sinks(own_stack, "away", folder)
    contracts = [
        own_topic(CONTRACTS[name], settings, f"tests.away.{name}")
        for name in ("balance", "consumption_inf36")
    ]
    for contract in contracts:
        contracts_folder(folder / "contracts", contract)
    send(settings, contracts[0].topic, generated(contracts[0], DAY, 1))
    send(settings, contracts[1].topic, generated(contracts[1], DAY, 1, regions=["11"]))
    drain(spark, settings, *contracts)
    publish(spark, settings, contracts, source="mysql")
    add_models(settings, DAY, MEMBER)
    return settings, folder / "contracts"


def opened(browser: Browser, address: str, name: str) -> Page:
    """Open a screen in a tab of its own, and see its title, whatever is missing."""
    page = browser.new_page()
    open_page(page, f"{address}/{'' if name == 'live' else name}")
    expect(page.get_by_role("heading", level=1)).to_have_text(name.capitalize(), timeout=OPENED_MS)
    return page


@pytest.mark.parametrize("server", AWAY)
def test_with_a_server_stopped_each_page_opens_says_so_and_heals_without_a_click(
    own_stack: Settings, scene: tuple[Settings, Path], browser: Browser, server: str
) -> None:
    title, affected = AWAY[server]
    with serving(*scene) as address:
        opened(browser, address, "live").close()  # the tail follows the topics by now
        end_server(own_stack, server, signal.SIGTERM)
        try:
            pages = {name: opened(browser, address, name) for name in WHOLE}
            for name, page in pages.items():
                missing = page.get_by_test_id("stAlert").filter(has_text=title).first
                if name in affected:
                    missing.wait_for(timeout=OPENED_MS)
                else:
                    page.get_by_text(WHOLE[name]).first.wait_for(timeout=OPENED_MS)
                    assert not missing.is_visible()
        finally:
            up(own_stack)
        for name, page in pages.items():
            page.get_by_text(WHOLE[name]).first.wait_for(timeout=HEALED_MS)
            expect(page.get_by_test_id("stAlert").filter(has_text=title)).to_have_count(0, timeout=HEALED_MS)
            assert page.get_by_text("Traceback").count() == 0
            page.close()
