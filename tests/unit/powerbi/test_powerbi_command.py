"""`courant powerbi` as a person types it."""

from __future__ import annotations

from pathlib import Path

import pytest
from powerbi_projects import CONTRACTS, river_contract
from typer.testing import CliRunner

from courant.cli import app
from courant.powerbi.project import project_files


def test_it_writes_the_project_of_the_contracts_that_the_settings_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "contracts").mkdir()
    river = river_contract(tmp_path / "contracts")
    monkeypatch.setenv("COURANT_CONTRACTS_DIR", str(tmp_path / "contracts"))

    result = CliRunner().invoke(app, ["powerbi", "--out", str(tmp_path / "project")])

    assert result.exit_code == 0, result.output
    files = project_files({"river": river})
    assert f"Wrote {len(files)} files." in result.output
    assert {
        p.relative_to(tmp_path / "project").as_posix(): p.read_text("utf-8")
        for p in (tmp_path / "project").rglob("*")
        if p.is_file()
    } == files
    assert files != project_files(CONTRACTS)


def test_it_does_not_replace_a_folder_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")

    result = CliRunner().invoke(app, ["powerbi", "--out", str(tmp_path)])

    assert result.exit_code == 2
    assert (tmp_path / "thesis.txt").read_text() == "years of work"
