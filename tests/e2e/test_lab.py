"""JupyterLab as a person starts it: let in by the address that is told, and gone without a trace."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import psutil
import pytest
from ingesting import ROOT
from waiting import PATIENCE_S


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[subprocess.Popen[str], str, str, Path]]:
    """Give the process, the address, the token and the home of a lab that runs."""
    home = tmp_path_factory.mktemp("lab")
    process = subprocess.Popen(
        [str(Path(sys.executable).parent / "courant"), "lab", "--port", "0"],
        env=os.environ | {"COURANT_HOME": str(home), "HOME": str(home / "person")},
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout
        address = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
        token = re.search(r"token=(\S+)", process.stdout.readline())
        assert address
        assert token
        wait_for(address[0])
        yield process, address[0], token[1], home
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        process.stdout.close()
        shutil.rmtree(home, ignore_errors=True)


def wait_for(address: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            ask(f"{address}/api", "")
        except URLError:
            assert time.monotonic() < deadline, f"no answer within {PATIENCE_S} s"
            time.sleep(0.2)
        else:
            return


def ask(url: str, token: str, body: dict[str, str] | None = None) -> dict[str, object]:
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(url, data, {"Authorization": f"token {token}"}), timeout=60) as answer:
        return json.load(answer)


def test_a_kernel_of_ours_starts_for_who_has_the_token_and_ends_with_the_lab(
    lab: tuple[subprocess.Popen[str], str, str, Path],
) -> None:
    process, address, token, home = lab

    with pytest.raises(HTTPError, match="403"):
        ask(f"{address}/api/contents", "wrong")
    assert {"notebooks", "conf", "src"} <= {
        one["name"] for one in ask(f"{address}/api/contents", token)["content"]
    }
    with pytest.raises(HTTPError, match="404"):
        ask(
            f"{address}/api/contents/.git/config", token
        )  # hidden folders, secrets' among them, are not served
    specs = ask(f"{address}/api/kernelspecs", token)
    assert (list(specs["kernelspecs"]), specs["default"]) == (["courant"], "courant")
    ask(f"{address}/api/kernels", token, {"name": "courant"})
    started = psutil.Process(process.pid).children(recursive=True)
    assert len(started) >= 2

    assert (home / "run" / "lab.token").stat().st_mode & 0o777 == 0o600
    process.send_signal(signal.SIGTERM)

    assert process.wait(60) == 0
    assert not [one for one in started if one.is_running()]
    assert not (home / "run" / "lab.token").exists()
    assert token not in (home / "logs" / "lab.log").read_text()
    assert not (home / "person").exists(), "something was written to the person's own folders"
    assert not (ROOT / "notebooks" / ".ipynb_checkpoints").exists()
