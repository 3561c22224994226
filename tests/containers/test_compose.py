"""The very compose file in real containers, end to end, with a worker killed in the middle: `make test-cluster`."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from waiting import PATIENCE_S, wait_until

from courant.local.ports import free_ports

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ["sh", "docker/compose.sh"]
CORE_PORTS = ("KAFKA_PORT", "MYSQL_PORT", "MONGO_PORT", "SPARK_UI_PORT", "HISTORY_PORT", "STREAM_UI_PORT")
PAGES = {
    "mlflow": ("MLFLOW_PORT", "/api/2.0/mlflow/experiments/get-by-name?experiment_name=courant-balance"),
    "dashboard": ("DASHBOARD_PORT", "/_stcore/health"),
    "schedule": ("SCHEDULE_PORT", "/server_info"),
    "lab": ("LAB_PORT", "/login"),
}
#: MLflow has nothing to show before there is a run.
A_RUN = (
    "from courant.registry.tracking import Tracker\n"
    "from courant.settings import load_settings\n"
    "with Tracker(load_settings(), 'balance').run('seen', tags={}): pass"
)
MASTER = "MASTER=spark://spark-master:7077"
DATASET = "consumption_inf36"
ROWS_OF_A_DAY = 82 * 48

pytestmark = pytest.mark.timeout(2400)  # the first test builds images where it must


@dataclass(frozen=True)
class Run:
    """Runs commands beside the containers of a project of the tests' own."""

    variables: dict[str, str]

    def __call__(self, *command: str) -> str:
        done = subprocess.run(
            command, cwd=ROOT, env=self.variables, capture_output=True, text=True, check=False, timeout=900
        )
        assert done.returncode == 0, (command, done.stdout[-3000:], done.stderr[-3000:])
        return done.stdout

    def port(self, name: str) -> str:
        return self.variables[name]


@pytest.fixture(scope="session")
def variables() -> dict[str, str]:
    """Give the variables of the project; with local images where the official ones cannot be had."""
    names = (*CORE_PORTS, "NIFI_PORT", *(name for name, _ in PAGES.values()))
    ports = dict(zip(names, map(str, free_ports(len(names))), strict=True))
    ours = os.environ | ports | {"PROJECT": "courant-test", "COMPOSE_PROFILES": "core,nifi"}
    servers = ("kafka", "mysql", "mongo", "nifi")
    pulled = subprocess.run(
        [*COMPOSE, "pull", *servers], cwd=ROOT, env=ours, capture_output=True, check=False
    )
    if pulled.returncode:
        subprocess.run(["sh", "docker/offline/build.sh"], cwd=ROOT, check=True)
        local = ours | {"OVERRIDE": "docker/offline/compose.yaml"}
        return local if has_image("courant-offline-nifi") else local | {"COMPOSE_PROFILES": "core"}
    subprocess.run([*COMPOSE, "build"], cwd=ROOT, env=ours, check=True)
    return ours


def has_image(name: str) -> bool:
    return not subprocess.run(
        ["docker", "image", "inspect", name], capture_output=True, check=False
    ).returncode


@pytest.fixture(scope="session")
def run(variables: dict[str, str]) -> Iterator[Run]:
    """Start the core with two workers; all of it is gone afterwards."""
    run = Run(variables)
    try:
        run(*COMPOSE, "up", "-d", "--scale", "spark-worker=2")
        yield run
    finally:
        subprocess.run([*COMPOSE, "logs", "--tail", "40"], cwd=ROOT, env=variables, check=False)
        subprocess.run([*COMPOSE, "down", "-v"], cwd=ROOT, env=variables, check=False)


def in_jobs(run: Run, *command: str) -> str:
    return run(*COMPOSE, "exec", "-T", "jobs", *command)


def send_a_day(run: Run, day: str) -> None:
    """Drop a day's file before NiFi; replay it where there is no NiFi."""
    generate = f"courant generate {DATASET} --from {day} --regions 11 --out"
    if "nifi" in run.variables["COMPOSE_PROFILES"]:
        folder = f"/data/nifi/{DATASET}"
        in_jobs(
            run, "sh", "-c", f"{generate} {folder}/.{day}.csv && mv {folder}/.{day}.csv {folder}/{day}.csv"
        )
    else:
        in_jobs(
            run, "sh", "-c", f"{generate} /tmp/day.csv && courant replay --dataset {DATASET} /tmp/day.csv"
        )


def wait_for_the_flow(run: Run) -> None:
    """Wait until NiFi has a group for each data set."""
    wait_until(lambda: not any(one["State"]["Running"] for one in containers(run, "flow")), every_s=2)
    assert [one["State"]["ExitCode"] for one in containers(run, "flow")] in ([], [0])


def wait_for_facts(run: Run, rows: int) -> None:
    """Wait until MySQL has so many facts, for as long as a loaded machine takes."""
    deadline = time.monotonic() + 600
    found = 0
    while found < rows:
        assert time.monotonic() < deadline, f"{found} of {rows} facts"
        time.sleep(2)
        answer = in_jobs(run, "courant", "sql", "SELECT COUNT(*) AS n FROM v_consumption", "--json")
        found = int(json.loads(answer)[0]["n"])


def containers(run: Run, service: str = "") -> list[dict[str, Any]]:
    """Describe the project's containers, those that have ended too; of one service where it is named."""
    label = "label=com.docker.compose."
    of_service = ["--filter", f"{label}service={service}"] if service else []
    ids = run(
        "docker", "ps", "-aq", "--filter", f"{label}project={run.variables['PROJECT']}", *of_service
    ).split()
    inspected: list[dict[str, Any]] = json.loads(run("docker", "inspect", *ids)) if ids else []
    return inspected


def workers(run: Run) -> list[dict[str, Any]]:
    """List the workers that the master counts on."""
    address = f"http://127.0.0.1:{run.port('SPARK_UI_PORT')}/json/"
    return [
        one for one in httpx.get(address, timeout=PATIENCE_S).json()["workers"] if one["state"] == "ALIVE"
    ]


def test_a_worker_killed_in_the_middle_costs_nothing(run: Run) -> None:
    wait_for_the_flow(run)
    send_a_day(run, "2026-03-10")
    wait_for_facts(run, 1)
    killed = containers(run, "spark-worker")[0]

    run("docker", "kill", "-s", "KILL", killed["Id"])
    send_a_day(run, "2026-03-11")
    wait_for_facts(run, 2 * ROWS_OF_A_DAY)
    run("docker", "start", killed["Id"])

    for layer in ("silver", "gold", "publish"):
        run("make", layer, MASTER, f"DATASET={DATASET}")
    found = json.loads(in_jobs(run, "courant", "reconcile", "--dataset", DATASET, "--json"))
    assert found["datasets"][DATASET]["ok"]
    assert found["datasets"][DATASET]["produced"] == 2 * ROWS_OF_A_DAY


def test_what_spark_does_is_seen_from_outside(run: Run) -> None:
    """The stream's metrics for Prometheus, the jobs that ended in the History Server, the workers at the master's."""
    page = f"http://127.0.0.1:{run.port('STREAM_UI_PORT')}/metrics/prometheus"
    metrics = httpx.get(page, follow_redirects=True, timeout=PATIENCE_S).text
    ended = httpx.get(
        f"http://127.0.0.1:{run.port('HISTORY_PORT')}/api/v1/applications", timeout=PATIENCE_S
    ).json()

    assert f"spark_streaming_{DATASET}_mysql_inputRate_total_Value" in metrics
    assert {"build_silver", "build_gold", "publish_aggregates"} <= {one["name"] for one in ended}
    assert len(workers(run)) == 2


def test_the_pages_for_people_answer(run: Run) -> None:
    profiles = {"COMPOSE_PROFILES": f"{run.variables['COMPOSE_PROFILES']},ui,lab"}
    with_pages = Run(run.variables | profiles)
    in_jobs(run, "python", "-c", A_RUN)
    with_pages(*COMPOSE, "up", "-d", "--no-deps", *PAGES)
    for port, path in PAGES.values():
        wait_until(partial(answers, run.port(port), path), every_s=3)


def answers(port: str, path: str) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=20).is_success
    except httpx.TransportError:
        return False


def test_every_port_is_on_this_machine_alone(run: Run) -> None:
    bindings = [
        binding
        for one in containers(run)
        for bindings in one["HostConfig"]["PortBindings"].values()
        for binding in bindings
    ]
    asked = {*CORE_PORTS, *(["NIFI_PORT"] if "nifi" in run.variables["COMPOSE_PROFILES"] else [])}
    pages = {run.port(port) for port, _ in PAGES.values()}  # where they were started

    assert {one["HostPort"] for one in bindings} - pages == {run.port(name) for name in asked}
    assert {one["HostIp"] for one in bindings} == {"127.0.0.1"}


def test_no_password_is_in_a_container_s_description_or_log(run: Run) -> None:
    kept = json.loads(in_jobs(run, "cat", "/data/home/secrets.json"))
    passwords = [*kept["mysql"].values(), kept["mongo"]["uri"].partition("courant:")[2].partition("@")[0]]
    seen = json.dumps(containers(run)) + run(*COMPOSE, "logs")

    assert len(passwords) == 5
    assert not [password for password in passwords if password in seen]


def test_our_containers_do_not_run_as_root(run: Run) -> None:
    ours = [one for one in containers(run) if one["Config"]["Image"].startswith("courant:")]

    services = Counter(one["Config"]["Labels"]["com.docker.compose.service"] for one in ours)
    always = {
        "spark-master": 1,
        "spark-worker": 2,
        "history": 1,
        "ingest": 1,
        "jobs": 1,
        "secrets": 1,
        "accounts": 1,
    }
    assert {name: count for name, count in services.items() if name not in {"flow", *PAGES}} == always
    assert {in_jobs(run, "id", "-un").strip()} == {"courant"}
    assert {one["Config"]["User"] for one in ours} == {"10001"}
