"""Run records: the last run of each job and data set, whole or not at all."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from courant.errors import MongoDownError
from courant.job import Outcome, Work, run_batch
from courant.settings import Settings
from courant.stores.runs import RunRecord, read_runs, record_run

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
RUN = RunRecord("build_silver", "balance", NOON, 12.345, 0, "", {"new_records": 3, "days": ["a", "b"]})


def test_a_run_is_read_as_it_was_recorded_but_for_long_lists(tmp_path: Path) -> None:
    record_run(tmp_path, RUN)

    kept = {("build_silver", "balance"): replace(RUN, seconds=12.35, document={"new_records": 3, "days": 2})}
    assert read_runs(tmp_path) == kept


def test_a_later_run_takes_the_place_of_the_earlier_one_of_its_data_set_only(tmp_path: Path) -> None:
    for run in (RUN, replace(RUN, dataset=None), replace(RUN, exit_code=18, error="MySQL is down")):
        record_run(tmp_path, run)

    codes = {key: run.exit_code for key, run in read_runs(tmp_path).items()}
    assert codes == {("build_silver", "balance"): 18, ("build_silver", None): 0}
    assert sorted(one.name for one in (tmp_path / "_runs").iterdir()) == [
        "build_silver.balance.json",
        "build_silver.json",
    ]


@pytest.mark.parametrize("broken", ["", '{"job": "build_gold", "dat', "[]", '{"job": "build_gold"}', "null"])
def test_a_half_written_record_hides_no_other(tmp_path: Path, broken: str) -> None:
    record_run(tmp_path, RUN)
    (tmp_path / "_runs" / "build_gold.balance.json").write_text(broken)

    assert list(read_runs(tmp_path)) == [("build_silver", "balance")]


def killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_writer_that_dies_before_its_record_is_whole_leaves_the_earlier_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_run(tmp_path, RUN)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            record_run(tmp_path, replace(RUN, exit_code=1))

    assert [run.exit_code for run in read_runs(tmp_path).values()] == [0]


def test_a_lake_without_runs_has_none(tmp_path: Path) -> None:
    assert read_runs(tmp_path) == {}


def arguments(out: Path, *datasets: str) -> argparse.Namespace:
    return argparse.Namespace(out=out, dataset=[*datasets])


def run_job(lake: Path, patch: pytest.MonkeyPatch, work: Work, *datasets: str) -> int:
    patch.setenv("COURANT_HOME", str(lake.parent))
    patch.setenv("COURANT_LAKE_ROOT", str(lake))
    return run_batch("build_silver", work, arguments(lake.parent / "out.json", *datasets))


def test_a_batch_job_writes_its_document_and_a_record_for_each_data_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = {"balance": {"new_records": 5}, "consumption_inf36": {"new_records": 7}}

    def work(_arguments: argparse.Namespace, _settings: Settings) -> Outcome:
        return Outcome(document)

    code = run_job(tmp_path / "lake", monkeypatch, work, "balance", "consumption_inf36", "balance")

    assert code == 0
    assert json.loads((tmp_path / "out.json").read_text()) == document
    runs = read_runs(tmp_path / "lake")
    assert {key: run.document["new_records"] for key, run in runs.items()} == {
        ("build_silver", "balance"): 5,
        ("build_silver", "consumption_inf36"): 7,
    }
    assert all(run.ok and run.finished_at.tzinfo == UTC for run in runs.values())


def test_a_failed_job_is_recorded_with_its_line_and_its_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def work(_arguments: argparse.Namespace, _settings: Settings) -> Outcome:
        raise MongoDownError("No server answers", remedy="start one")

    code = run_job(tmp_path / "lake", monkeypatch, work, "balance")

    run = read_runs(tmp_path / "lake")["build_silver", "balance"]
    assert (code, run.exit_code, run.error, run.ok) == (30, 30, "No server answers", False)
    assert not (tmp_path / "out.json").exists()
    assert "Error: No server answers\n  What to do: start one" in capsys.readouterr().err


def test_of_several_data_sets_only_the_one_that_differs_is_not_ok(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {"balance": {"ok": True}, "consumption_inf36": {"ok": False}}

    def work(_arguments: argparse.Namespace, _settings: Settings) -> Outcome:
        return Outcome({"ok": False, "datasets": found}, 1)

    assert run_job(tmp_path / "lake", monkeypatch, work, *found) == 1

    verdicts = {dataset: run.ok for (_, dataset), run in read_runs(tmp_path / "lake").items()}
    assert verdicts == {"balance": True, "consumption_inf36": False}


def test_a_job_that_cannot_be_recorded_has_done_its_work_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lake").write_text("a file where the lake should be")

    assert run_job(tmp_path / "lake", monkeypatch, lambda *_: Outcome({"balance": {}}), "balance") == 0
