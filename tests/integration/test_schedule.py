"""The schedule with real jobs: Dagster makes what the job makes, failures speak, and nothing is left running."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import dagster as dg
import httpx
import polars as pl
import psutil
import pyarrow as pa
import pytest
from ingesting import CONTRACTS, SHORT_LIVED, contracts_folder
from lakes import add_to_bronze, table, values_of
from waiting import wait_until

from courant.domain.enedis import generate_days
from courant.errors import JobError, PortInUseError
from courant.local.ports import free_ports
from courant.schedule import dagster_home, forget_going_runs, serve
from courant.settings import PROJECT_ROOT, Settings, load_settings
from courant.steps import CACHE, run_step
from courant.stores import delta
from courant.stores.runs import read_runs
from orchestration.assets import BRONZE, layer_assets
from orchestration.definitions import defs

BALANCE = CONTRACTS["balance"]
SILVER, GOLD, AGGREGATES = CACHE
SERVE = (
    "import sys; from courant.schedule import serve; from courant.settings import load_settings; "
    "sys.exit(serve(load_settings(), int(sys.argv[1]), print))"
)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Give the settings of a home with two days of balance in bronze, as the jobs' processes find them, too."""
    contracts_folder(tmp_path / "contracts", BALANCE)
    variables = {"COURANT_HOME": str(tmp_path), "COURANT_CONTRACTS_DIR": str(tmp_path / "contracts")}
    for name, value in (variables | SHORT_LIVED).items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    rows = pl.concat(list(generate_days("balance", start=date(2026, 1, 5), days=2, seed=7)))
    add_to_bronze(settings.lake.root, BALANCE, [*values_of(rows, BALANCE), b"no json"])
    return settings


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    (tmp_path / "dagster").mkdir()
    quiet = {"telemetry": {"enabled": False}}
    with dg.DagsterInstance.local_temp(str(tmp_path / "dagster"), overrides=quiet) as made:
        yield made


def silver(settings: Settings) -> pa.Table:
    return table(delta.silver_path(settings.lake.root, "balance")).sort_by("slot_start_utc")


def test_silver_through_dagster_is_the_table_that_the_job_makes(
    settings: Settings, instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = dg.materialize([BRONZE, *layer_assets()], instance=instance, selection="silver")

    assert ended.success
    [made] = ended.asset_materializations_for_node("silver")
    document = made.metadata["document"].value["balance"]
    assert (document["new_records"], document["accepted"], document["rejected"]) == (193, 192, 1)
    [bronze] = [event for event in ended.all_events if event.event_type_value == "ASSET_OBSERVATION"]
    assert bronze.asset_observation_data.asset_observation.metadata["balance.rows"].value == 193
    assert read_runs(settings.lake.root)["build_silver", "balance"].document["accepted"] == 192

    through_dagster = silver(settings)
    monkeypatch.setenv("COURANT_LAKE_ROOT", str(tmp_path / "other"))
    by_hand = load_settings()
    rows = table(delta.bronze_path(settings.lake.root, "balance"))
    add_to_bronze(by_hand.lake.root, BALANCE, rows.sort_by("offset")["value"].to_pylist())
    run_step(by_hand, SILVER, ["balance"])
    assert silver(by_hand).equals(through_dagster)
    assert through_dagster.num_rows == 192


def test_a_job_that_fails_fails_its_run_with_its_own_words(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    ended = dg.materialize(
        [BRONZE, *layer_assets()], instance=instance, selection="aggregates", raise_on_error=False
    )

    assert not ended.success
    [failure] = [event for event in ended.all_node_events if event.is_step_failure]
    said = failure.step_failure_data.user_failure_data
    assert said.description.startswith(
        "publish_aggregates ended with exit code 10: No MongoDB address is known"
    )
    assert "run `courant up`, or set COURANT_MONGO_URI" in said.description
    assert said.metadata["exit_code"].value == 10
    with pytest.raises(JobError, match="exit code 10") as error:
        run_step(settings, AGGREGATES)
    assert error.value.exit_code == 10


def test_a_ui_that_is_in_the_way_is_named(settings: Settings, taken_port: int) -> None:
    with pytest.raises(PortInUseError, match=rf"Port {taken_port}, set for schedule, is in use"):
        serve(settings, taken_port)


def test_runs_that_nobody_goes_on_with_do_not_hold_up_later_ones(settings: Settings) -> None:
    home = dagster_home(settings)
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        job = defs().get_repository_def().get_job("cache")
        left = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
        ended = instance.create_run_for_job(job, status=dg.DagsterRunStatus.SUCCESS)

    assert forget_going_runs(home) == 1

    with dg.DagsterInstance.from_config(str(home)) as instance:
        statuses = [instance.get_run_by_id(run.run_id).status.value for run in (left, ended)]
    assert statuses == ["CANCELED", "SUCCESS"]


def test_the_schedule_serves_its_ui_runs_jobs_and_leaves_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURANT_SCHEDULE_CACHE_MINUTES", "1")
    [port] = free_ports(1)
    command = [sys.executable, "-u", "-c", SERVE, str(port)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PROJECT_ROOT.parent)
    started: set[psutil.Process] = set()
    try:
        assert server.stdout is not None
        assert f"http://127.0.0.1:{port}" in server.stdout.readline()
        assert httpx.get(f"http://127.0.0.1:{port}/").status_code == 200
        wait_until(lambda: seen(server, started, "build_silver.py"))
        assert listening(started) <= {"127.0.0.1", "::ffff:127.0.0.1"}
    finally:
        server.send_signal(signal.SIGINT)
        rest, _ = server.communicate(timeout=90)
    assert (server.returncode, rest) == (0, "stopping the schedule, and the job if one runs\n")
    assert [process for process in started if process.is_running()] == []
    assert not httpx_answers(port)
    with dg.DagsterInstance.from_config(str(dagster_home(settings))) as instance:
        [run] = instance.get_runs()
        assert run.status.value in {"CANCELED", "FAILURE"}  # whether its own process could still say so
        assert not instance.telemetry_enabled


def seen(server: subprocess.Popen[str], started: set[psutil.Process], argument: str) -> bool:
    """Collect what the server has started, and tell whether a process with this argument is among it."""
    assert server.poll() is None
    started.update(psutil.Process(server.pid).children(recursive=True))
    return any(argument in " ".join(command(process)) for process in started)


def command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def listening(processes: set[psutil.Process]) -> set[str]:
    found = [connection for one in processes if one.is_running() for connection in one.net_connections("tcp")]
    return {connection.laddr.ip for connection in found if connection.status == psutil.CONN_LISTEN}


def httpx_answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/").is_success
    except httpx.ConnectError:
        return False
