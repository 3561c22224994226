"""Published files in all their forms."""

import gzip
import json
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from courant.domain.contract import Contract, load_contracts
from courant.errors import InputFileError
from courant.published import in_batches, read_published
from courant.settings import PROJECT_ROOT

BY_LABEL = "Horodate;Code région;Profil;Plage de puissance souscrite;Total énergie soutirée (Wh)\n"
BY_NAME = "horodate;code_region;profil;plage_de_puissance_souscrite;total_energie_soutiree_wh\n"
ROW = "2026-01-01T00:00:00+01:00;84;RES3;P1: ]0-9] kVA;1200\n"
READ = {
    "horodate": "2026-01-01T00:00:00+01:00",
    "code_region": "84",
    "profil": "RES3",
    "plage_de_puissance_souscrite": "P1: ]0-9] kVA",
    "total_energie_soutiree_wh": "1200",
}


@pytest.fixture(scope="module")
def contract() -> Contract:
    return load_contracts(PROJECT_ROOT / "contracts")["consumption_inf36"]


def written(folder: Path, content: str | bytes, name: str = "file.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    "content",
    [
        BY_LABEL + ROW,
        BY_NAME + ROW,
        "\ufeff" + BY_LABEL + ROW,
        BY_LABEL.replace("\n", "\r\n") + ROW.replace("\n", "\r\n"),
        (BY_LABEL + ROW).replace(";", ","),
        BY_LABEL.replace("Code région", "code_region").replace("Profil", " PROFIL ") + ROW,
        BY_LABEL.replace("é", "e\u0301") + ROW,
        BY_NAME + ROW.rstrip("\n"),
    ],
    ids=["labels", "names", "bom", "crlf", "commas", "mixed", "decomposed accents", "no last newline"],
)
def test_a_csv_is_read_under_api_names_whatever_its_form(
    tmp_path: Path, contract: Contract, content: str
) -> None:
    frame = read_published(written(tmp_path, content), contract).collect()

    assert frame.to_dicts() == [READ]


def test_columns_come_in_any_order_and_unknown_ones_are_kept(tmp_path: Path, contract: Contract) -> None:
    content = "Mois;Profil;Horodate;Plage de puissance souscrite;Code région\n1;RES3;x;P1;84\n"

    frame = read_published(written(tmp_path, content), contract).collect()

    assert frame.columns == ["Mois", "profil", "horodate", "plage_de_puissance_souscrite", "code_region"]
    assert frame.row(0) == ("1", "RES3", "x", "P1", "84")


def test_an_array_of_json_objects_is_read_with_every_digit(tmp_path: Path, contract: Contract) -> None:
    big = int("9" * 25)
    record = READ | {"total_energie_soutiree_wh": big, "courbe_moyenne_ndeg1_wh": 1.50, "region": None}

    frame = read_published(written(tmp_path, json.dumps([record]), "file.json"), contract).collect()

    assert frame.to_dicts() == [
        READ | {"total_energie_soutiree_wh": "9" * 25, "courbe_moyenne_ndeg1_wh": "1.5", "region": None}
    ]


def test_json_lines_may_lack_fields_and_carry_others(tmp_path: Path, contract: Contract) -> None:
    lines = json.dumps(READ) + "\n\n" + json.dumps({"horodate": "x", "tags": ["a"], "sure": True}) + "\n"

    frame = read_published(written(tmp_path, lines, "file.jsonl"), contract).collect()

    assert frame.height == 2
    assert frame.to_dicts()[1] == dict.fromkeys(READ) | {"horodate": "x", "tags": '["a"]', "sure": "true"}


def test_the_portals_answer_is_read_through_its_results(tmp_path: Path, contract: Contract) -> None:
    answer = json.dumps({"total_count": 1, "results": [READ]})

    assert read_published(written(tmp_path, answer, "file.json"), contract).collect().to_dicts() == [READ]


def test_naive_instants_of_a_parquet_file_are_utc(tmp_path: Path, contract: Contract) -> None:
    path = tmp_path / "file.parquet"
    pl.DataFrame(
        {
            "horodate": [datetime(2026, 1, 1, 0, 30)],  # noqa: DTZ001 - as the portal's Parquet has them
            "code_region": ["84"],
            "profil": pl.Series(["RES3"], dtype=pl.Categorical),
            "plage_de_puissance_souscrite": ["P1"],
            "total_energie_soutiree_wh": [1200.0],
            "courbe_moyenne_ndeg1_wh": [1.5],
            "nb_points_soutirage": [None],
        }
    ).write_parquet(path)

    (row,) = read_published(path, contract).collect().to_dicts()

    assert row["horodate"] == "2026-01-01T00:30:00+00:00"
    assert (row["total_energie_soutiree_wh"], row["courbe_moyenne_ndeg1_wh"]) == ("1200", "1.5")
    assert (row["profil"], row["nb_points_soutirage"]) == ("RES3", None)


def test_instants_of_a_parquet_file_with_a_zone_are_converted(tmp_path: Path, contract: Contract) -> None:
    path = tmp_path / "file.parquet"
    frame = pl.DataFrame({name: [value] for name, value in READ.items()})
    frame.with_columns(pl.col("horodate").str.to_datetime(time_zone="Europe/Paris")).write_parquet(path)

    assert read_published(path, contract).collect()["horodate"].to_list() == ["2025-12-31T23:00:00+00:00"]


def test_a_bad_row_is_read_as_it_is(tmp_path: Path, contract: Contract) -> None:
    content = (
        BY_NAME.encode() + b"short\n" + b"a;b;c;d;e;too;long\n" + b"\xff\xfe;84;RES3;P1;x\n" + ROW.encode()
    )

    frame = read_published(written(tmp_path, content), contract).collect()

    assert frame.height == 4
    assert frame.row(0) == ("short", None, None, None, None)
    assert frame.row(1) == ("a", "b", "c", "d", "e")
    assert frame.to_dicts()[3] == READ


def test_batches_keep_the_files_order(tmp_path: Path, contract: Contract) -> None:
    rows = "".join(f"{i};84;RES3;P1;{i}\n" for i in range(2_500))

    frame = read_published(written(tmp_path, BY_NAME + rows), contract)
    batches = list(in_batches(frame, rows=1_000))

    assert [value for batch in batches for value in batch["horodate"]] == [str(i) for i in range(2_500)]
    assert max(batch.height for batch in batches) <= 1_000


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        ("", "file.csv", "is empty"),
        (BY_LABEL, "file.csv", "no row below its header"),
        (BY_LABEL.replace("Profil;", "") + ROW, "file.csv", r"no column profil \(Profil\)"),
        ("horodate;" + BY_LABEL + "x;" + ROW, "file.csv", "horodate twice"),
        (BY_LABEL.replace("Profil", "Horodate") + ROW, "file.csv", "several columns named Horodate"),
        ("just some words\nand more\n", "file.csv", "is no table"),
        (gzip.compress(b"x" * 100, mtime=0), "file.csv", "is no table|no file of"),
        ("[]", "file.json", "no record"),
        ("[1, 2]", "file.json", "no list of JSON objects"),
        ('{"horodate": 1}\n{broken\n', "file.jsonl", "Line 2 of .* is not JSON"),
        ("not parquet", "file.parquet", "cannot be read as a table"),
    ],
)
def test_a_file_that_is_no_file_of_the_data_set_is_refused(
    tmp_path: Path, contract: Contract, content: str | bytes, name: str, said: str
) -> None:
    with pytest.raises(InputFileError, match=said):
        read_published(written(tmp_path, content, name), contract)


def test_a_file_that_is_not_there_is_named(tmp_path: Path, contract: Contract) -> None:
    with pytest.raises(InputFileError, match=r"no file .*absent\.csv"):
        read_published(tmp_path / "absent.csv", contract)
