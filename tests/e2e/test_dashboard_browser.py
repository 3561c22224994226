"""The dashboard in a real browser: what is produced is seen, without a click."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import psutil
import pytest
from browsing import CHROMIUM, NO_CHROMIUM, a_browser, open_page, serving
from ingesting import CONTRACTS, contracts_folder, environment_of, own_sinks, own_topic, produce
from playwright.sync_api import Page
from publishing import generated
from waiting import PATIENCE_S

from courant.dashboard_ui import APP, take_picture
from courant.domain.contract import Contract
from courant.settings import Settings

SEEN_WITHIN_MS = 3_000
pytestmark = pytest.mark.skipif(not CHROMIUM, reason=NO_CHROMIUM)


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with a_browser() as browser:
        yield browser.new_page()


@pytest.fixture(scope="module")
def scene(stack: Settings, tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Contract, Path]:
    """Give a topic of the nation's records, of which MySQL has none."""
    folder = tmp_path_factory.mktemp("browser")
    settings = own_sinks(stack, "browser", folder)
    balance = own_topic(CONTRACTS["balance"], settings, "tests.browser.balance")
    return settings, balance, contracts_folder(folder / "contracts", balance)


def test_a_record_is_on_the_page_within_three_seconds(
    scene: tuple[Settings, Contract, Path], page: Page
) -> None:
    settings, balance, contracts = scene
    key, value = generated(balance, date(2026, 3, 28), 1).row(40)
    value = value.replace('"consommation_totale":', '"consommation_totale":123400000000,"replaced":')
    with serving(settings, contracts) as address:
        open_page(page, address)
        page.get_by_text("Newest readings").wait_for(timeout=60_000)
        await_first_record(page, settings, balance.topic)

        produce(settings, balance.topic, [value.encode()], key=key.encode())

        page.get_by_text("123.4 GW").wait_for(timeout=SEEN_WITHIN_MS)
        assert page.get_by_text("Traceback").count() == 0


def await_first_record(page: Page, settings: Settings, topic: str, *, within_s: float = PATIENCE_S) -> None:
    """Send records, which are no readings, until the dashboard listens."""
    deadline = time.monotonic() + within_s
    while page.get_by_text("Nothing has arrived").count():
        assert time.monotonic() < deadline
        produce(settings, topic, [b"is anyone there?"])
        page.wait_for_timeout(500)


@pytest.fixture
def pointed(scene: tuple[Settings, Contract, Path], monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Let a dashboard that is started find the scene."""
    settings, _, contracts = scene
    for name, value in environment_of(settings, contracts).items():
        monkeypatch.setenv(name, value)
    return settings


def test_a_picture_of_a_screen_is_taken_and_the_dashboard_ends(pointed: Settings, tmp_path: Path) -> None:
    taken = take_picture(pointed, "live", tmp_path)

    assert taken == tmp_path / "live.png"
    assert taken.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", taken.read_bytes()[16:24]) == (1280, 1000)
    assert taken.stat().st_size > 20_000  # an empty page has 6,000 bytes
    started = [one for one in psutil.process_iter(["cmdline"]) if str(APP) in (one.info["cmdline"] or [])]
    assert not [
        one for one in started if one.environ().get("COURANT_MYSQL_DATABASE") == pointed.mysql.database
    ]


def test_without_a_browser_it_is_said_how_to_get_one(
    pointed: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))

    taken = take_picture(pointed, "live", tmp_path)

    assert isinstance(taken, str)
    assert "apt-get install chromium" in taken
    assert not list(tmp_path.glob("*.png"))
