"""Is the cluster in Docker fit to start, and is what runs of it well? Each check as in doctor.py."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import yaml

from courant.doctor import Finding, finding
from courant.errors import PortInUseError, SettingsError, StackError
from courant.local.ports import is_free
from courant.settings import PROJECT_ROOT

#: GB that a profile of docker/compose.yaml holds at work, with two workers; its limits are higher.
NEEDED_GB: Mapping[str, float] = {"core": 5, "nifi": 2, "ui": 2, "lab": 4}
_COMPOSE = ["sh", str(PROJECT_ROOT / "docker" / "compose.sh")]
_LAST_LINES = "8"


def examine_containers(profiles: Sequence[str]) -> list[Finding]:
    """Run every check, in the order in which their failures would show; the first that fails hides the rest."""
    checks: dict[str, Callable[[], str]] = {
        "Docker": lambda: f"engine {_engine()['ServerVersion']}",
        "compose file": lambda: f"{len(_services())} services",
        "memory": lambda: check_memory(_engine()["MemTotal"] / 1e9, profiles),
        "ports": lambda: check_ports(host_ports(_services()), _containers(), is_free),
        "containers": lambda: check_containers(_containers(), _log_of),
    }
    findings = []
    for name, check in checks.items():
        findings.append(finding(name, check))
        if not findings[-1].is_ok:
            break
    return findings


def check_memory(total_gb: float, profiles: Sequence[str]) -> str:
    """Check that the engine's memory holds the profiles.

    Raises
    ------
    SettingsError
        If there is no such profile.
    StackError
        If it does not.
    """
    unknown = sorted(set(profiles) - set(NEEDED_GB))
    if unknown:
        raise SettingsError(
            f"There is no profile {', '.join(unknown)}", remedy=f"the profiles are {', '.join(NEEDED_GB)}"
        )
    needed = sum(NEEDED_GB[name] for name in profiles)
    if total_gb < needed:
        raise StackError(
            f"Docker has {total_gb:.1f} GB of memory, {' and '.join(profiles)} need {needed:g}",
            remedy="give Docker more memory, or start fewer profiles (PROFILES=core)",
        )
    return f"{total_gb:.1f} GB, {needed:g} needed"


def host_ports(services: Mapping[str, Any]) -> dict[str, list[int]]:
    """Read from a resolved compose file which ports of this machine each service takes."""
    return {
        name: [_published(port) for port in service["ports"]]
        for name, service in services.items()
        if service.get("ports")
    }


def check_ports(
    wished: Mapping[str, Sequence[int]],
    containers: Sequence[Mapping[str, Any]],
    free: Callable[[int], bool],
) -> str:
    """Check that the ports of services that do not run are free.

    Raises
    ------
    PortInUseError
        If something else has one.
    """
    running = {one["Service"] for one in containers if one["State"] == "running"}
    for name, ports in wished.items():
        for port in ports:
            if name not in running and not free(port):
                raise PortInUseError(
                    f"Port {port} of 127.0.0.1, for {name}, is taken by another process",
                    remedy=f"stop that process, or set another port: {_variable(name)}=… make up WORKERS=2",
                )
    return ", ".join(f"{name} {' '.join(map(str, ports))}" for name, ports in wished.items())


def check_containers(containers: Sequence[Mapping[str, Any]], log_of: Callable[[str], str]) -> str:
    """Check that what was started is well.

    Raises
    ------
    StackError
        If a container is not; with the end of its log, which says for example that a volume is of another version.
    """
    for one in containers:
        if one["Health"] == "unhealthy" or one["State"] == "restarting" or one["ExitCode"]:
            how = one["Health"] or one["State"]
            raise StackError(
                f"{one['Service']} is not well ({how}, exit code {one['ExitCode']}). Its log ends:\n"
                f"{log_of(one['Id'])}",
                remedy=f"`make logs SERVICE={one['Service']}` shows more. A volume that another version wrote, or that"
                " has other passwords, is removed by `sh docker/compose.sh down -v`: with all data in it",
            )
    return f"{len(containers)} well" if containers else "none started yet"


def _engine() -> dict[str, Any]:
    try:
        said = _output(["docker", "info", "--format", "{{json .}}"])
    except FileNotFoundError as error:
        raise StackError("There is no docker command", remedy="install Docker") from error
    engine: dict[str, Any] = json.loads(said or "{}")
    if not engine.get("ServerVersion"):
        raise StackError(
            f"Docker's engine does not answer: {' '.join(engine.get('ServerErrors') or ['no answer'])}",
            remedy="start it (`sudo systemctl start docker`, or Docker Desktop), and be of the group docker",
        )
    return engine


def _services() -> dict[str, Any]:
    done = subprocess.run([*_COMPOSE, "config"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SettingsError(
            f"docker/compose.yaml does not hold: {done.stderr.strip()}", remedy="mend it, or its variables"
        )
    services: dict[str, Any] = yaml.safe_load(done.stdout)["services"]
    return services


def _containers() -> list[dict[str, Any]]:
    """Describe the project's containers, those that ended too."""
    project = os.environ.get("PROJECT", "courant")
    ids = _output(["docker", "ps", "-aq", "--filter", f"label=com.docker.compose.project={project}"]).split()
    inspected = json.loads(_output(["docker", "inspect", *ids])) if ids else []
    return [
        {
            "Id": one["Id"],
            "Service": one["Config"]["Labels"]["com.docker.compose.service"],
            "State": one["State"]["Status"],
            "Health": one["State"].get("Health", {}).get("Status", ""),
            "ExitCode": one["State"]["ExitCode"] if one["State"]["Status"] == "exited" else 0,
        }
        for one in inspected
    ]


def _log_of(container: str) -> str:
    done = subprocess.run(
        ["docker", "logs", "--tail", _LAST_LINES, container],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout.rstrip()


def _output(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _published(port: str | Mapping[str, Any]) -> int:
    """Read a port as docker-compose 1.29 writes it (``127.0.0.1:3306:3306/tcp``), or as v2 does."""
    return int(port.split(":")[-2] if isinstance(port, str) else port["published"])


def _variable(service: str) -> str:
    names = {"spark-master": "SPARK_UI_PORT", "ingest": "STREAM_UI_PORT"}
    return names.get(service, f"{service.upper()}_PORT")
