"""The flow in a real NiFi: its messages are those of a replay, and what it cannot read is kept with the reason."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import nipyapi
import pytest
from ingesting import CONTRACTS
from nifi_flow import (
    arrived,
    dead_rows,
    drop,
    fields_only,
    for_nifi,
    letters,
    messages,
    same_with_another_topic,
    with_topic,
)
from nifi_server import NifiServer
from waiting import wait_until

from courant.domain.contract import Contract
from courant.errors import NifiDownError, NifiFlowError
from courant.generate import generate_file
from courant.nifi.flow import FLOW, group_name
from courant.nifi_deploy import deploy, export, state
from courant.replay import replay, whole_weeks
from courant.settings import PROJECT_ROOT, Settings
from courant.stores.nifi import Nifi

NOW = datetime(2026, 11, 21, 12, 40, tzinfo=UTC)
REAL_YEAR = (
    Path(os.environ.get("COURANT_REAL_DATA", PROJECT_ROOT.parent / "shared" / "data"))
    / "enedis"
    / "bilan_electrique_2023_halfhourly.csv"
)
DAYS = {"balance": 7, "consumption_inf36": 1, "consumption_sup36": 1}
#: What only this source of ours writes, or a person: all that the two ways must read alike.
TEXTS = (
    '\ufeffHORODATE;"Consommation totale (W)";Pertes (W);injection_rte;temperature_reelle_lissee;remarque\r\n'
    '2026-01-01 00:00:00Z; 12 ;"1,5";007;1.50;é "a" \\ x\r\n'
    '2026-01-01T00:15+0100;beaucoup;;1e3;"12,50";"a;b ""c"""\r\n'
    "2026-02-30T00:15:00+01:00;5;6\r\n"  # there is no such day
    "2026-01-01T00:15:00;5;6;7;8;9;10;11\r\n"  # no offset
    ";-5\r\n"
    '"2026-01-01T01:00:00.123+02";5;;;-0.0;  \r\n'
    "2026-01-01T03:00:00Z;1234567890123456789012;1.10;+5;.5\r\n"
)


@pytest.fixture
def settings(stack: Settings, nifi: NifiServer, tmp_path: Path) -> Settings:
    return for_nifi(stack, nifi, tmp_path)


def generated(contract: Contract, folder: Path, *, bad: float = 0) -> Path:
    path = folder / f"{contract.name}.csv"
    generate_file(
        contract,
        path,
        start=date(2025, 10, 25),
        days=DAYS[contract.name],
        regions=["75"],
        seed=7,
        bad_fraction=bad,
    )
    return path


def by_api_name(file: Path, contract: Contract) -> Path:
    """Write the file again with API names above its columns."""
    header, rows = file.read_text(encoding="utf-8").split("\n", 1)
    names = {field.labels[0]: field.name for field in contract.fields}
    path = file.with_name(f"api_{file.name}")
    path.write_text(";".join(names[label] for label in header.split(";")) + "\n" + rows, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", sorted(CONTRACTS))
def test_messages_equal_those_of_a_replay_by_label_and_by_api_name(
    settings: Settings, tmp_path: Path, name: str
) -> None:
    contract = with_topic(settings, name)
    labelled = generated(contract, tmp_path, bad=0.02)
    weeks = whole_weeks(contract, labelled, shift_to=NOW)
    replayed, sent = same_with_another_topic(settings, contract), 0
    deploy(settings, contract, weeks=weeks)

    for file in (labelled, by_api_name(labelled, contract)):
        drop(settings, contract, file)
        sent += replay(settings, replayed, file, shift_to=NOW).sent
        wait_until(lambda: arrived(settings, contract.topic) >= sent)  # noqa: B023 - called at once

    found, expected = messages(settings, contract.topic), messages(settings, replayed.topic)
    assert weeks == 55  # the file ends on 25 or 31 October 2025
    assert len(expected) == sent
    assert fields_only(found, contract) == fields_only(expected, contract)
    assert letters(settings) == []
    facts = ("paris_day", "slot_of_day", "weekday", "is_holiday", "season", "published_slot")
    assert [[v.get(n) for n in facts] for _, _, v in found if v.get("paris_day")] == [
        [v[n] for n in facts] for _, _, v in expected if v["paris_day"]
    ]


def test_odd_texts_are_read_as_a_replay_reads_them(settings: Settings, tmp_path: Path) -> None:
    contract = with_topic(settings, "balance")
    replayed = same_with_another_topic(settings, contract)
    file = tmp_path / "odd.csv"
    file.write_text(TEXTS, encoding="utf-8", newline="")
    deploy(settings, contract, weeks=0)

    drop(settings, contract, file)
    replay(settings, replayed, file)

    found = messages(settings, contract.topic, at_least=7)
    assert fields_only(found, contract) == fields_only(messages(settings, replayed.topic), contract)
    assert [value["horodate"] for _, _, value in found] == [
        "2026-01-01T00:00:00+00:00",
        "2025-12-31T23:15:00+00:00",
        "2026-02-30T00:15:00+01:00",
        "2026-01-01T00:15:00",
        None,
        "2025-12-31T23:00:00+00:00",
        "2026-01-01T03:00:00+00:00",
    ]


@pytest.mark.skipif(not REAL_YEAR.exists(), reason=f"the real year is not at {REAL_YEAR}")
def test_the_real_year_arrives_whole_and_in_order(settings: Settings) -> None:
    contract = with_topic(settings, "balance")
    replayed = same_with_another_topic(settings, contract)
    deploy(settings, contract, weeks=whole_weeks(contract, REAL_YEAR, shift_to=NOW))

    drop(settings, contract, REAL_YEAR)
    replay(settings, replayed, REAL_YEAR, shift_to=NOW)

    found = messages(settings, contract.topic, at_least=17_520)
    assert len(found) == 17_520
    assert fields_only(found, contract) == fields_only(messages(settings, replayed.topic), contract)


def test_what_cannot_be_read_is_a_dead_letter_with_its_reason_and_the_rest_goes_on(
    settings: Settings, tmp_path: Path
) -> None:
    contract = with_topic(settings, "balance")
    deploy(settings, contract, weeks=0)
    good = "2026-01-01T00:00:00Z;1\n"
    files = {
        "quotes.csv": f'horodate;consommation_totale\n{good}2026-01-01T00:30:00Z;"2\n"2026"x;3\n{good}',
        "lacking.csv": f"horodate;pertes\n{good}{good}",
        "twice.csv": "horodate;consommation_totale;Horodate\n2026-01-01T00:00:00Z;1;2\n",
        "large.csv": f"horodate;consommation_totale;remark\n2026-01-01T00:00:00Z;1;{'x' * 5_000_000}\n"
        + "2026-01-01T00:30:00Z;2;\n"
        + f"2026-01-01T01:00:00Z;3;{chr(1) * 500_000}\n",  # three megabytes in JSON
        "header.csv": "horodate;consommation_totale\n",
        "empty.csv": "",
        "binary.csv": "\0" * 3_000_000,
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        drop(settings, contract, tmp_path / name)
    wait_until(lambda: len({letter.source for letter in letters(settings)}) == len(files))
    (tmp_path / "last.csv").write_text(f"horodate;consommation_totale\n{good}", encoding="utf-8")
    drop(settings, contract, tmp_path / "last.csv")

    published = messages(settings, contract.topic, at_least=5)
    assert len(published) == 2 + 2 + 1  # of quotes.csv, large.csv, last.csv
    assert dead_rows(settings) == {
        ("quotes.csv", "its quotes do not pair"): 2,
        ("lacking.csv", "a required column is missing"): 2,
        ("twice.csv", "a column comes twice"): 1,
        ("large.csv", "a row is too large"): 1,
        ("header.csv", "there is no row below the header"): 0,
        ("empty.csv", "no table: a header and rows below it were expected"): 0,
        ("binary.csv", "no table: a header and rows below it were expected"): 0,
    }
    rows = 4 + 2 + 1 + 3 + 1
    assert rows == len(published) + sum(dead_rows(settings).values())
    kept = {letter.content.strip() for letter in letters(settings) if letter.source == "quotes.csv"}
    assert kept == {b'2026-01-01T00:30:00Z;"2', b'"2026"x;3'}
    assert sum(len(one.content) for one in letters(settings) if one.source == "binary.csv") == 3_000_000
    assert {letter.dataset for letter in letters(settings)} == {"balance"}
    standing = state(settings, "balance")
    assert standing is not None
    assert (standing.stopped, standing.queued) == (0, 0)


def test_a_set_pace_is_kept(stack: Settings, nifi: NifiServer, tmp_path: Path) -> None:
    settings = for_nifi(stack, nifi, tmp_path, rate=48)
    contract = with_topic(settings, "balance")
    file = tmp_path / "two_days.csv"
    generate_file(contract, file, start=date(2026, 1, 1), days=2, seed=7)
    deploy(settings, contract, weeks=0)
    started = datetime.now(UTC)

    drop(settings, contract, file)
    messages(settings, contract.topic, at_least=192)

    assert (
        timedelta(seconds=2.5) < datetime.now(UTC) - started < timedelta(seconds=40)
    )  # four pieces, a second apart


def test_deploying_again_changes_nothing(settings: Settings, tmp_path: Path) -> None:
    contract = with_topic(settings, "balance")
    deploy(settings, contract, weeks=3)

    again = deploy(settings, contract)

    assert (again.is_new, again.flow_changed, again.parameters_changed, again.weeks) == (False, False, (), 3)
    kept = Path(shutil.copy(FLOW, tmp_path))
    assert not export(settings, "balance", kept)  # the file is what NiFi itself exports


def test_a_change_in_the_canvas_comes_back_as_a_file_and_a_deployment_undoes_it_without_losing_what_is_queued(
    settings: Settings, tmp_path: Path
) -> None:
    contract = with_topic(settings, "balance")
    file = generated(contract, tmp_path)
    deploy(settings, contract, weeks=0)
    group = Nifi(settings).find(group_name("balance"))
    publish = next(p for p in nipyapi.canvas.list_all_processors(group) if p.component.name == "Publish")
    nipyapi.canvas.schedule_processor(publish, scheduled=False)
    drop(settings, contract, file)
    wait_until(lambda: (found := state(settings, "balance")) and found.queued > 0)
    publish = nipyapi.canvas.get_processor(publish.id, "id")
    nipyapi.canvas.update_processor(publish, nipyapi.nifi.ProcessorConfigDTO(comments="changed by hand"))

    exported = tmp_path / "changed.json"
    assert export(settings, "balance", exported)
    before, after = FLOW.read_text().splitlines(), exported.read_text().splitlines()
    changed = {(was.strip(), now.strip()) for was, now in zip(before, after, strict=True) if was != now}
    assert {now for _, now in changed} == {'"comments": "changed by hand",'}
    assert all(was.startswith('"comments": ') for was, _ in changed)

    assert deploy(settings, contract).flow_changed
    rows = file.read_text().count("\n") - 1
    assert len(messages(settings, contract.topic, at_least=rows)) == rows
    assert not export(settings, "balance", Path(shutil.copy(FLOW, tmp_path)))


def test_a_part_that_is_not_valid_is_named(settings: Settings, tmp_path: Path) -> None:
    contract = with_topic(settings, "balance")
    nowhere = settings.nifi.model_copy(update={"calendar": tmp_path / "nowhere.csv"})

    with pytest.raises(NifiFlowError, match=r"Calendar: .*nowhere\.csv"):
        deploy(settings.model_copy(update={"nifi": nowhere}), contract)

    assert deploy(settings, contract).parameters_changed == ("calendar.file",)


def test_no_nifi_is_one_clear_error(stack: Settings) -> None:
    away = stack.nifi.model_copy(update={"url": "http://127.0.0.1:1"})

    with pytest.raises(
        NifiDownError, match=r"No NiFi answers at http://127\.0\.0\.1:1 .*\n.*COURANT_NIFI_URL"
    ):
        state(stack.model_copy(update={"nifi": away}), "balance")
