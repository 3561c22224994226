"""What Dagster is told: the assets and their order, when what runs, and that runs do not pile up."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from courant.errors import JobError
from courant.steps import MODEL, PROOF, UPKEEP, Finished, error_lines
from orchestration import assets
from orchestration.definitions import defs


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURANT_HOME", str(tmp_path))


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    (tmp_path / "dagster").mkdir()
    quiet = {"telemetry": {"enabled": False}}
    with dg.DagsterInstance.local_temp(str(tmp_path / "dagster"), overrides=quiet) as made:
        yield made


def definitions() -> dg.Definitions:
    return defs()


def test_the_definitions_load_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        repository = definitions().get_repository_def()

    assert {job.name for job in repository.get_all_jobs() if not job.name.startswith("__")} == {
        "cache",
        "daily",
    }


def test_the_assets_are_bronze_silver_gold_aggregates_in_this_order() -> None:
    graph = definitions().resolve_asset_graph()

    parents = {
        key.to_user_string(): [parent.to_user_string() for parent in graph.get(key).parent_keys]
        for key in graph.get_all_asset_keys()
    }
    assert parents == {
        "bronze": [],
        "silver": ["bronze"],
        "gold": ["silver"],
        "aggregates": ["gold"],
        "drift": ["aggregates"],
        "forecast": ["aggregates"],
        "upkeep": [],
    }
    assert not graph.get(dg.AssetKey("bronze")).is_materializable  # the stream makes it


def test_reconcile_checks_the_aggregates_and_blocks_nothing() -> None:
    graph = definitions().resolve_asset_graph()

    [key] = graph.asset_check_keys
    assert (key.asset_key, key.name) == (dg.AssetKey("aggregates"), "reconcile")
    assert not assets.reconcile.get_spec_for_check_key(key).blocking


def test_the_cache_runs_every_ten_minutes_and_the_daily_runs_at_two_in_paris() -> None:
    schedules = {
        one.name: (one.cron_schedule, one.execution_timezone, one.default_status.value, one.job_name)
        for one in definitions().get_repository_def().schedule_defs
    }
    assert schedules == {
        "cache_schedule": ("*/10 * * * *", "Europe/Paris", "RUNNING", "cache"),
        "daily_schedule": ("0 2 * * *", "Europe/Paris", "RUNNING", "daily"),
    }


def test_the_settings_say_when(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURANT_SCHEDULE_CACHE_MINUTES", "60")
    monkeypatch.setenv("COURANT_SCHEDULE_DAILY_AT", "23:05")

    crons = {one.cron_schedule for one in definitions().get_repository_def().schedule_defs}
    assert crons == {"0 * * * *", "5 23 * * *"}


def test_each_job_runs_its_own_assets_only() -> None:
    jobs = {job.name: job for job in definitions().get_repository_def().get_all_jobs()}

    assert set(jobs["cache"].graph.node_dict) == {"silver", "gold", "aggregates"}
    assert set(jobs["daily"].graph.node_dict) == {"upkeep", "drift", "forecast", "aggregates_reconcile"}


def ticked(instance: dg.DagsterInstance, schedule: str) -> dg.RunRequest | str:
    context = dg.build_schedule_context(instance=instance)
    found = definitions().get_repository_def().get_schedule_def(schedule).evaluate_tick(context)
    return found.run_requests[0] if found.run_requests else found.skip_message


@pytest.mark.parametrize("status", ["NOT_STARTED", "STARTED", "CANCELING"])
def test_a_tick_is_skipped_while_a_run_waits_or_goes_on(instance: dg.DagsterInstance, status: str) -> None:
    run = instance.create_run_for_job(
        definitions().get_repository_def().get_job("cache"), status=dg.DagsterRunStatus(status)
    )

    assert ticked(instance, "cache_schedule") == f"run {run.run_id} of cache is still {status.lower()}"
    assert isinstance(ticked(instance, "daily_schedule"), dg.RunRequest)  # waits for its turn


@pytest.mark.parametrize("status", ["SUCCESS", "FAILURE", "CANCELED"])
def test_a_run_that_has_ended_holds_up_nothing(instance: dg.DagsterInstance, status: str) -> None:
    instance.create_run_for_job(
        definitions().get_repository_def().get_job("daily"), status=dg.DagsterRunStatus(status)
    )

    assert isinstance(ticked(instance, "cache_schedule"), dg.RunRequest)
    assert isinstance(ticked(instance, "daily_schedule"), dg.RunRequest)


def test_no_tick_runs_beside_the_daily_run(instance: dg.DagsterInstance) -> None:
    run = instance.create_run_for_job(
        definitions().get_repository_def().get_job("daily"), status=dg.DagsterRunStatus.STARTED
    )

    assert ticked(instance, "cache_schedule") == f"run {run.run_id} of daily is still started"
    assert ticked(instance, "daily_schedule") == f"run {run.run_id} of daily is still started"


def test_reconcile_fails_its_check_but_not_the_run_when_layers_differ(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = dict.fromkeys(
        ("produced", "bronze", "accepted", "rejected", "mysql", "doubled", "stale_days"), 4
    )
    found = {"ok": False, "datasets": {"balance": counts | {"missing": 3}}}
    monkeypatch.setattr(
        assets, "run_step", lambda _settings, step: Finished(1, found) if step is PROOF else None
    )

    ended = dg.materialize(
        [*assets.layer_assets(), assets.reconcile],
        instance=instance,
        selection=dg.AssetSelection.checks(assets.reconcile),
    )

    [evaluation] = ended.get_asset_check_evaluations()
    assert (ended.success, evaluation.passed, evaluation.metadata["balance.missing"].value) == (
        True,
        False,
        3,
    )


def test_an_upkeep_that_fails_fails_its_run(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(_settings: object, step: object) -> Finished:
        assert step is UPKEEP
        raise JobError("maintain_tables ended with exit code 20: busy", exit_code=20, remedy="wait")

    monkeypatch.setattr(assets, "run_step", busy)
    ended = dg.materialize(assets.layer_assets(), instance=instance, selection="upkeep", raise_on_error=False)

    [failure] = [event for event in ended.all_node_events if event.is_step_failure]
    said = failure.step_failure_data.user_failure_data
    assert said.description == "maintain_tables ended with exit code 20: busy\n  What to do: wait"
    assert said.metadata["exit_code"].value == 20


def test_a_model_with_too_few_days_is_no_failure_and_says_so(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_few(_settings: object, step: object) -> Finished:
        assert step is MODEL
        return Finished(32, {}, "balance has 2 whole days")

    monkeypatch.setattr(assets, "run_step", too_few)
    ended = dg.materialize(assets.layer_assets(), instance=instance, selection="forecast")

    [made] = ended.asset_materializations_for_node("forecast")
    assert made.metadata["nothing to do"].value == "balance has 2 whole days"


@pytest.mark.parametrize(
    ("log", "lines"),
    [
        ("INFO a\nError: No room\n  What to do: free some\nINFO b\n", ("No room", "free some")),
        ("Error: first\nError: last\n", ("last", "")),
        ("Exception in thread main\n\n", ("Exception in thread main", "")),
        ("", ("it said nothing", "")),
    ],
)
def test_a_job_s_own_words_are_found_in_its_log(log: str, lines: tuple[str, str]) -> None:
    assert error_lines(log) == lines
