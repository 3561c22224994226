"""The commands of the README, as a person types them, on a stack of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Courant = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def courant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Courant]:
    """Run `courant` with a home of its own; the stack is down again afterwards."""
    home = tmp_path_factory.mktemp("home")
    environment = os.environ | {"COURANT_HOME": str(home)}
    program = str(Path(sys.executable).parent / "courant")

    def run(*words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [program, *words], env=environment, capture_output=True, text=True, timeout=600, check=False
        )
        assert done.returncode == code, f"{words}: {done.stdout[-1000:]}\n{done.stderr[-2000:]}"
        assert "Traceback" not in done.stderr
        return done

    try:
        yield run
    finally:
        run("down")


def test_a_week_goes_from_file_to_sql_by_the_commands_of_the_readme(courant: Courant, tmp_path: Path) -> None:
    courant("up")
    status = json.loads(courant("status", "--json").stdout)
    assert {service["state"] for service in status["services"].values()} == {"running"}
    assert status["datasets"]["balance"]["topic"] == "readings.balance"

    file = str(tmp_path / "week.csv")
    courant("generate", "balance", "--from", "2026-01-01", "--days", "7", "--bad", "0.01", "--out", file)
    assert "672 of 672 records acknowledged" in courant("replay", file, "--dataset", "balance").stdout
    courant("ingest", "--dataset", "balance", "--drain")

    found = json.loads(courant("reconcile", "--json").stdout)
    balance = found["datasets"]["balance"]
    assert found["ok"]
    assert (balance["produced"], balance["bronze"], balance["missing"], balance["doubled"]) == (
        672,
        672,
        0,
        0,
    )
    assert balance["accepted"] + balance["rejected"] == 672
    assert balance["rejected"] > 0

    rows = json.loads(courant("sql", "SELECT COUNT(*) AS n FROM v_balance", "--json").stdout)
    assert rows == [{"n": balance["mysql"]}]
    courant("sql", "DELETE FROM balance", code=19)
    courant("sql", "SELECT FROM nothing", code=29)
    assert "nothing to do" in courant("realign", "balance").stdout


def test_a_data_set_that_no_contract_describes_is_refused_before_a_jvm_starts(courant: Courant) -> None:
    done = courant("ingest", "--dataset", "weather", code=12)

    assert "weather" in done.stderr
    assert "balance" in done.stderr
