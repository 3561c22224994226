"""`courant calendar` and `courant nifi` as a person types them, as far as no NiFi is needed."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from courant.cli import app
from courant.errors import NifiDownError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COURANT_HOME", str(tmp_path))
    monkeypatch.setenv("COURANT_NIFI_URL", "http://127.0.0.1:1")
    return tmp_path


def test_the_calendar_is_written_where_the_flow_looks_for_it(home: Path) -> None:
    result = CliRunner().invoke(app, ["calendar", "--from", "2025", "--to", "2026"])

    assert result.exit_code == 0, result.output
    assert result.output.startswith("35,040 half hours from 2025 to 2026 written to")
    assert len((home / "nifi" / "calendar.csv").read_text().splitlines()) == 35_041


def test_years_that_run_backwards_are_refused(home: Path) -> None:
    result = CliRunner().invoke(app, ["calendar", "--from", "2026", "--to", "2025"])

    assert result.exit_code == 2
    assert not (home / "nifi").exists()


@pytest.mark.parametrize(
    "options", [[], ["--dataset", "balance", "--dataset", "consumption_inf36"], ["--weeks", "3"]]
)
def test_a_file_to_shift_like_wants_one_data_set_and_no_weeks(options: list[str]) -> None:
    result = CliRunner().invoke(app, ["nifi", "deploy", "--like", "year.csv", *options])

    assert result.exit_code == 2


@pytest.mark.parametrize("command", [["status"], ["stop"], ["export", "balance"], ["deploy"]])
def test_without_a_nifi_each_command_says_where_it_looked(command: list[str]) -> None:
    result = CliRunner().invoke(app, ["nifi", *command])

    assert isinstance(result.exception, NifiDownError)
    assert result.exception.exit_code == 33
    assert "http://127.0.0.1:1" in str(result.exception)
