"""Downloading from a server that speaks the portal's API shape."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from portal_server import Answer, Portal, refuses, sends, serving

from courant.domain.contract import Contract, load_contracts
from courant.domain.enedis import generate_balance
from courant.errors import PortalError
from courant.settings import PROJECT_ROOT, PortalSettings, Settings, load_settings
from courant.stores.portal import fetch_export

JANUARY = (date(2026, 1, 1), date(2026, 1, 2))


@pytest.fixture
def portal() -> Iterator[Portal]:
    with serving() as portal:
        yield portal


@pytest.fixture
def settings(portal: Portal, tmp_path: Path) -> Settings:
    return load_settings(home=tmp_path, portal=PortalSettings(url=portal.url, timeout_s=1, attempts=3))


@pytest.fixture
def balance() -> Contract:
    return load_contracts(PROJECT_ROOT / "contracts")["balance"]


def export() -> str:
    return generate_balance(JANUARY[0], days=2, seed=7).write_csv(separator=";")


def test_an_export_is_written_as_the_portal_sent_it(
    settings: Settings, portal: Portal, balance: Contract, tmp_path: Path
) -> None:
    portal.answers = [sends(export())]
    seen: list[int] = []

    rows = fetch_export(settings, balance, tmp_path / "january.csv", days=JANUARY, on_progress=seen.append)

    assert rows == 2 * 96
    assert (tmp_path / "january.csv").read_text() == export()
    assert seen[-1] == len(export().encode())


def test_the_request_asks_for_paris_days_in_the_portals_language(
    settings: Settings, portal: Portal, balance: Contract, tmp_path: Path
) -> None:
    portal.answers = [sends(export())]

    fetch_export(settings, balance, tmp_path / "january.csv", days=JANUARY)

    asked = urlsplit(portal.requests[0])
    assert asked.path == "/api/explore/v2.1/catalog/datasets/bilan-electrique-demi-heure/exports/csv"
    assert parse_qs(asked.query) == {
        "where": [
            "horodate >= date'2025-12-31T23:00:00+00:00' and horodate < date'2026-01-02T23:00:00+00:00'"
        ],
        "order_by": ["horodate"],
        "delimiter": [";"],
        "timezone": ["UTC"],
    }


@pytest.mark.parametrize(
    "trouble",
    [
        refuses(503, "busy"),
        refuses(429, json.dumps({"message": "quota"})),
        sends(export()[:2_000], announced=len(export())),
        sends(export()[:2_000]),
    ],
    ids=["503", "429", "broken connection", "cut in a row"],
)
def test_a_passing_trouble_is_tried_again(
    settings: Settings, portal: Portal, balance: Contract, tmp_path: Path, trouble: Answer
) -> None:
    portal.answers = [trouble, sends(export())]

    assert fetch_export(settings, balance, tmp_path / "january.csv", days=JANUARY) == 2 * 96
    assert len(portal.requests) == 2


def test_a_lasting_trouble_is_one_error_and_leaves_no_file(
    settings: Settings, portal: Portal, balance: Contract, tmp_path: Path
) -> None:
    portal.answers = [sends(export()[:2_000], announced=len(export()))]

    with pytest.raises(PortalError, match="did not deliver in 3 attempts"):
        fetch_export(settings, balance, tmp_path / "january.csv", days=JANUARY)

    assert len(portal.requests) == 3
    assert list(tmp_path.glob("january*")) == []


def test_a_refusal_is_not_tried_again_and_says_what_the_portal_said(
    settings: Settings, portal: Portal, balance: Contract, tmp_path: Path
) -> None:
    portal.answers = [refuses(404, json.dumps({"error_code": "x", "message": "The dataset cannot be found"}))]

    with pytest.raises(PortalError, match="HTTP 404: The dataset cannot be found"):
        fetch_export(settings, balance, tmp_path / "january.csv", days=JANUARY)

    assert len(portal.requests) == 1


def test_a_portal_that_stays_silent_is_an_error(
    settings: Settings, portal: Portal, balance: Contract, tmp_path: Path
) -> None:
    silence = threading.Event()
    portal.answers = [lambda _: silence.wait(30) and None]
    hasty = settings.model_copy(update={"portal": replace_portal(settings, timeout_s=0.2)})

    try:
        with pytest.raises(PortalError, match="ReadTimeout"):
            fetch_export(hasty, balance, tmp_path / "january.csv", days=JANUARY)
    finally:
        silence.set()


def replace_portal(settings: Settings, **changes: float) -> PortalSettings:
    return settings.portal.model_copy(update=changes)


def test_a_portal_that_is_not_there_is_an_error(
    settings: Settings, balance: Contract, tmp_path: Path
) -> None:
    nowhere = settings.model_copy(
        update={"portal": settings.portal.model_copy(update={"url": "http://127.0.0.1:1"})}
    )

    with pytest.raises(PortalError, match="COURANT_PORTAL_URL"):
        fetch_export(nowhere, balance, tmp_path / "january.csv", days=JANUARY)


def test_days_without_rows_are_an_error_and_leave_no_file(
    settings: Settings, portal: Portal, balance: Contract, tmp_path: Path
) -> None:
    portal.answers = [sends(export().splitlines()[0] + "\n")]

    with pytest.raises(PortalError, match="no rows from 2026-01-01 to 2026-01-02"):
        fetch_export(settings, balance, tmp_path / "january.csv", days=JANUARY)

    assert list(tmp_path.glob("january*")) == []


def test_a_page_that_is_no_table_is_an_error(
    settings: Settings, portal: Portal, balance: Contract, tmp_path: Path
) -> None:
    portal.answers = [sends("<html>Welcome to the hotel network</html>\n")]

    with pytest.raises(PortalError, match="no table but"):
        fetch_export(settings, balance, tmp_path / "january.csv", days=JANUARY)


def test_the_command_fetches_from_the_portal_of_the_settings(portal: Portal, tmp_path: Path) -> None:
    portal.answers = [sends(export())]
    path = tmp_path / "january.csv"

    done = subprocess.run(
        [
            *(sys.executable, "-m", "courant.cli", "fetch", "balance"),
            *("--from", "2026-01-01", "--to", "2026-01-02", "--out", str(path)),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=os.environ | {"COURANT_PORTAL_URL": portal.url, "COURANT_HOME": str(tmp_path / "home")},
    )

    assert done.returncode == 0, done.stderr
    assert "192 rows of balance written to" in done.stdout
    assert path.read_text() == export()


def test_a_data_set_of_our_own_is_not_on_the_portal(
    settings: Settings, balance: Contract, tmp_path: Path
) -> None:
    with pytest.raises(PortalError, match="not on the portal"):
        fetch_export(settings, replace(balance, portal_id=None), tmp_path / "x.csv", days=JANUARY)
