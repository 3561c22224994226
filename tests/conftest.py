"""What tests share: one embedded stack for the whole run."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator

import pytest
from nifi_server import NifiServer, missing
from pyspark.sql import SparkSession

from courant.local.stack import down
from courant.session import get_spark, interactive_environment
from courant.settings import Settings, load_settings
from courant.start import start_stack


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
    """Give a local session with the properties of conf/ and our jars, as spark-submit would make it."""
    with pytest.MonkeyPatch.context() as patch:
        settings = load_settings(spark={"master": "local[2]"})
        for name, value in interactive_environment(settings, properties="spark-short.conf").items():
            patch.setenv(name, value)
        session = get_spark("tests")
        yield session
        session.stop()


@pytest.fixture
def taken_port() -> Iterator[int]:
    """Give a port on which this test process listens."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]
