"""Downloading from a server that speaks the portal's API shape."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from courant.domain.contract import Contract, load_contracts
from courant.domain.enedis import generate_balance
from courant.errors import PortalError
from courant.settings import PROJECT_ROOT, PortalSettings, Settings, load_settings
from courant.stores.portal import fetch_export

JANUARY = (date(2026, 1, 1), date(2026, 1, 2))
Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Portal:
    """A server on this machine; it gives the prepared answers in turn, the last one again and again."""

    url: str = ""
    answers: list[Answer] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def next_answer(self, request: BaseHTTPRequestHandler) -> None:
        self.requests.append(request.path)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        answer(request)


@pytest.fixture
def portal() -> Iterator[Portal]:
    known = Portal()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            known.next_answer(self)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    known.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield known
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def settings(portal: Portal, tmp_path: Path) -> Settings:
    return load_settings(home=tmp_path, portal=PortalSettings(url=portal.url, timeout_s=1, attempts=3))


@pytest.fixture
def balance() -> Contract:
    return load_contracts(PROJECT_ROOT / "contracts")["balance"]


def sends(body: str, *, announced: int | None = None) -> Answer:
    """Answer 200 with a body, perhaps announcing more than is sent."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        data = body.encode()
        request.send_response(200)
        request.send_header("Content-Type", "text/csv; charset=utf-8")
        request.send_header("Content-Length", str(announced or len(data)))
        request.end_headers()
        request.wfile.write(data)
        request.close_connection = True

    return answer


def refuses(status: int, body: str) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body.encode())

    return answer


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
