"""From a reading on the topic to a person's eyes: a limit that is crossed is on the dashboard's Health screen."""

from __future__ import annotations

from pathlib import Path

import pytest
from alerting import alerting, kept, readings
from browsing import CHROMIUM, NO_CHROMIUM, a_browser, open_page, serving
from ingesting import CONTRACTS, contracts_folder, own_sinks, own_topic, produce
from waiting import wait_until

from courant.settings import Settings
from courant.stores.mysql.migrate import upgrade

pytestmark = pytest.mark.skipif(not CHROMIUM, reason=NO_CHROMIUM)


def test_a_limit_that_is_crossed_is_on_the_health_screen(stack: Settings, tmp_path: Path) -> None:
    settings = own_sinks(stack, "alert_on_health", tmp_path)
    upgrade(settings)
    balance = own_topic(CONTRACTS["balance"], settings, "tests.health.balance")
    with alerting(settings, balance, tmp_path, "crossed"):
        produce(settings, balance.topic, readings(1, load=150))
        wait_until(lambda: kept(settings, "crossed") == 1)

        with (
            serving(settings, contracts_folder(tmp_path / "contracts", balance)) as address,
            a_browser() as browser,
        ):
            page = browser.new_page()
            open_page(page, f"{address}/health")
            page.get_by_text("above 100 W").first.wait_for(timeout=60_000)
            text = page.inner_text("body")

    assert "consommation_totale of balance is 150 W, above 100 W" in text
    assert "(crossed, since" in text
