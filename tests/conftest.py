"""What tests share: one embedded stack for the whole run."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ingesting import a_session
from nifi_server import NifiServer, missing
from pyspark.sql import SparkSession

from courant.local.stack import down
from courant.settings import Settings, load_settings
from courant.start import start_stack

STARTED = time.monotonic()
#: Where tests stand, in the order in which they run: what fails soonest first, then what the project claims.
FOLDERS = ("unit", "spec", "faults", "e2e", "integration")
#: What starts the most processes of all: last, since two cores may not come to it within `--minutes`.
LAST = ("test_nifi_flow", "test_nifi_http", "test_nifi_kill", "test_notebooks", "test_spark_cluster")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the bound on a run's time."""
    parser.addoption(
        "--minutes",
        type=float,
        help="begin no test later than this after the start: it is skipped, with a word",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests in their order; those of one file stay together."""
    items.sort(key=lambda item: (item.path.stem in LAST, _rank(item.path)))


def _rank(test: Path) -> int:
    name = test.relative_to(Path(__file__).parent).parts[0]
    return FOLDERS.index(name) if name in FOLDERS else len(FOLDERS)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what comes too late."""
    minutes = item.config.getoption("--minutes")
    if minutes is not None and time.monotonic() - STARTED > minutes * 60:
        pytest.skip(f"it would begin later than {minutes:g} minutes after the start")


@pytest.fixture(scope="session", autouse=True)
def no_variables_of_the_caller() -> Iterator[None]:
    """Keep COURANT_* variables of whoever runs the tests from pointing them at another stack."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("COURANT_")]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Give the settings of a running stack with the topics of all contracts, in a home of its own."""
    home = tmp_path_factory.mktemp("stack")
    try:
        start_stack(load_settings(home=home))
        yield load_settings(home=home)
    finally:
        down(load_settings(home=home))
        shutil.rmtree(home / "data", ignore_errors=True)  # the logs stay


@pytest.fixture(scope="session")
def nifi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NifiServer]:
    """Give a running NiFi; skips where there is none, or no Java that it runs on."""
    if lacking := missing():
        pytest.skip(lacking)
    server = NifiServer(tmp_path_factory.mktemp("nifi"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """Give the session that a worker's tests share."""
    with a_session() as session:
        yield session


@pytest.fixture
def taken_port() -> Iterator[int]:
    """Give a port on which this test process listens."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]
