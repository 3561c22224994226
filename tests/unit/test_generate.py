"""Writing generated files."""

import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from courant.domain.contract import Contract, load_contracts
from courant.errors import UnknownDatasetError
from courant.generate import generate_file
from courant.published import read_published
from courant.settings import PROJECT_ROOT

NEW_YEAR = date(2026, 1, 1)


@pytest.fixture(scope="module")
def contracts() -> dict[str, Contract]:
    return load_contracts(PROJECT_ROOT / "contracts")


def courant(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "courant.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_the_same_arguments_write_the_same_bytes(contracts: dict[str, Contract], tmp_path: Path) -> None:
    written = [
        generate_file(
            contracts["consumption_sup36"],
            tmp_path / name,
            start=NEW_YEAR,
            days=2,
            regions=["84"],
            seed=7,
            bad_fraction=0.1,
        )
        for name in ("one.csv", "two.csv")
    ]

    assert written[0].path.read_bytes() == written[1].path.read_bytes()
    assert written[0].rows == 2 * 48 * 56
    assert sum(written[0].bad_rows.values()) > 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.csv", "two.csv"]


def test_a_written_file_is_read_back_with_every_row(contracts: dict[str, Contract], tmp_path: Path) -> None:
    contract = contracts["consumption_inf36"]
    path = tmp_path / "days.csv"

    made = generate_file(contract, path, start=date(2026, 3, 28), days=3, regions=["75"], seed=7)

    read = read_published(path, contract).collect()
    assert read.height == made.rows == (48 + 46 + 48) * 82
    assert read.columns == [field.name for field in contract.fields]
    assert read["region"].unique().to_list() == ["Nouvelle Aquitaine"]
    assert made.bad_rows == {}


def test_a_data_set_without_generator_leaves_no_file(contracts: dict[str, Contract], tmp_path: Path) -> None:
    with pytest.raises(UnknownDatasetError):
        generate_file(
            replace(contracts["balance"], name="other"), tmp_path / "x.csv", start=NEW_YEAR, days=1, seed=7
        )

    assert list(tmp_path.iterdir()) == []


def test_the_command_writes_the_file_and_prints_rows_and_speed(tmp_path: Path) -> None:
    path = tmp_path / "days.csv"

    done = courant(
        *("generate", "consumption_inf36", "--from", "2026-01-01", "--days", "2"),
        *("--regions", "84,11", "--seed", "7", "--out", str(path)),
    )

    assert done.returncode == 0, done.stderr
    assert "15,744 rows written to" in done.stdout
    assert "rows/s" in done.stdout
    assert path.read_text(encoding="utf-8").startswith("Horodate;Région;Code région;Profil;")


def test_the_command_refuses_a_region_it_does_not_know(tmp_path: Path) -> None:
    done = courant(
        *("generate", "consumption_inf36", "--from", "2026-01-01"),
        *("--regions", "84,99", "--out", str(tmp_path / "x.csv")),
    )

    assert done.returncode == 2
    assert "unknown regions 99" in done.stderr


def test_the_command_names_the_data_sets_there_are(tmp_path: Path) -> None:
    done = courant("generate", "temperature", "--from", "2026-01-01", "--out", str(tmp_path / "x.csv"))

    assert done.returncode == UnknownDatasetError.exit_code
    assert "consumption_inf36" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_command_writes_into_a_folder_that_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "new" / "balance.csv"

    done = courant("generate", "balance", "--from", "2026-01-01", "--out", str(path))

    assert done.returncode == 0, done.stderr
    assert len(path.read_text().splitlines()) == 97
