"""What the doctor says of the cluster in Docker, by what Docker told it."""

from __future__ import annotations

from typing import Any

import pytest

from courant.doctor_containers import check_containers, check_memory, check_ports, host_ports
from courant.errors import PortInUseError, SettingsError, StackError


def container(service: str, **state: object) -> dict[str, Any]:
    return {
        "Id": f"id-{service}",
        "Service": service,
        "State": "running",
        "Health": "",
        "ExitCode": 0,
    } | state


def test_memory_is_counted_by_profile() -> None:
    assert "5 needed" in check_memory(8, ["core"])
    assert "7 needed" in check_memory(8, ["core", "ui"])
    with pytest.raises(StackError, match=r"Docker has 6\.0 GB of memory, core and ui need 7"):
        check_memory(6, ["core", "ui"])


def test_a_profile_that_does_not_exist_is_named_with_those_that_do() -> None:
    with pytest.raises(SettingsError, match="no profile lake") as failure:
        check_memory(64, ["core", "lake"])

    assert "core, nifi, ui, lab" in failure.value.remedy


def test_ports_are_read_as_either_compose_writes_them() -> None:
    services = {
        "old": {"ports": ["127.0.0.1:23306:3306/tcp"]},
        "new": {"ports": [{"target": 3306, "published": "3307", "host_ip": "127.0.0.1"}]},
        "none": {},
    }

    assert host_ports(services) == {"old": [23306], "new": [3307]}


def test_a_port_of_another_process_is_named_with_the_variable_that_moves_it() -> None:
    with pytest.raises(PortInUseError, match=r"Port 3306 .* for mysql") as failure:
        check_ports({"kafka": [9094], "mysql": [3306]}, [], lambda port: port != 3306)

    assert "MYSQL_PORT=" in failure.value.remedy


def test_a_port_of_a_container_that_runs_is_its_own() -> None:
    assert "mysql 3306" in check_ports({"mysql": [3306]}, [container("mysql")], lambda _port: False)


def test_containers_that_ended_well_are_well() -> None:
    found = [container("kafka", Health="healthy"), container("secrets", State="exited")]

    assert check_containers(found, lambda _id: "") == "2 well"


@pytest.mark.parametrize(
    ("state", "how"),
    [
        ({"Health": "unhealthy"}, "unhealthy"),
        ({"State": "restarting"}, "restarting"),
        ({"State": "exited", "ExitCode": 1}, "exit code 1"),
    ],
)
def test_a_container_that_is_not_well_is_named_with_the_end_of_its_log(
    state: dict[str, object], how: str
) -> None:
    log = {"id-mysql": "Cannot upgrade from 80400 to 80037"}
    with pytest.raises(StackError, match="Cannot upgrade from 80400") as failure:
        check_containers([container("kafka"), container("mysql", **state)], log.__getitem__)

    assert how in failure.value.message
    assert "down -v" in failure.value.remedy
