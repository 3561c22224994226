"""Each of the doctor's checks: what passes, what fails, and what is said then."""

from __future__ import annotations

from pathlib import Path

import pytest

from courant.doctor import (
    Finding,
    check_jars,
    check_memory,
    check_ports,
    check_python,
    check_secrets,
    check_versions,
    exit_code,
    installed_versions,
    jar_versions,
)
from courant.errors import PortInUseError, SettingsError, StackError
from courant.local.jars import IVY_FILE
from courant.settings import load_settings

PYTHON_SIDE = {"pyspark": "4.2.0", "delta-spark": "4.4.1"}
JVM_SIDE = {"delta-spark_4.2_2.13": "4.4.0", "delta-storage": "4.4.0", "spark-sql-kafka-0-10_2.13": "4.2.0"}


def test_the_versions_of_this_project_agree() -> None:
    assert "agree" in check_versions(installed_versions(), jar_versions(IVY_FILE))


@pytest.mark.parametrize(
    ("python_side", "jvm_side"),
    [
        ({"pyspark": "4.2.1"}, {}),  # the Kafka source is of another patch
        ({"pyspark": "4.3.0"}, {}),  # Delta's jar is for another Spark
        ({"delta-spark": "4.5.0"}, {}),
        ({}, {"delta-storage": "4.3.0"}),
        ({}, {"spark-sql-kafka-0-10_2.13": "4.1.0"}),
    ],
)
def test_versions_that_must_agree_and_do_not_are_named(
    python_side: dict[str, str], jvm_side: dict[str, str]
) -> None:
    assert check_versions(PYTHON_SIDE, JVM_SIDE)
    with pytest.raises(SettingsError, match=r"need .*conf/ivy\.xml has"):
        check_versions(PYTHON_SIDE | python_side, JVM_SIDE | jvm_side)


def test_python_3_10_is_too_old() -> None:
    assert check_python((3, 11, 0)).startswith("Python 3.11.0")
    with pytest.raises(SettingsError, match=r"Python 3\.10\.9 is too old"):
        check_python((3, 10, 9))


def test_missing_jars_are_listed() -> None:
    assert check_jars(list)
    with pytest.raises(StackError, match=r"lacks spark/a\.jar, kafka/b\.jar") as error:
        check_jars(lambda: ["spark/a.jar", "kafka/b.jar"])
    assert "make setup" in error.value.remedy


def test_a_stack_that_is_up_has_taken_its_memory_already() -> None:
    assert check_memory(2500, is_up=False) == "2500 MB free"
    assert check_memory(1500, is_up=True) == "1500 MB free"
    with pytest.raises(StackError, match="2499 MB of memory are free, 2500 are needed"):
        check_memory(2499, is_up=False)


def test_a_set_port_that_is_taken_is_found(tmp_path: Path, taken_port: int) -> None:
    assert check_ports(load_settings(home=tmp_path)) == "any free ones will be taken"
    with pytest.raises(PortInUseError, match=str(taken_port)):
        check_ports(load_settings(home=tmp_path, mongo={"port": taken_port}))


def test_secrets_that_others_can_read_are_found(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    assert "none yet" in check_secrets(path)

    path.touch(0o600)
    assert "mode 600" in check_secrets(path)

    path.chmod(0o640)
    with pytest.raises(SettingsError, match="mode 640") as error:
        check_secrets(path)
    assert error.value.remedy == f"chmod 600 {path}"


def test_the_first_failure_decides_the_exit_code() -> None:
    fine, java, disk = (
        Finding("a", True, "ok"),
        Finding("b", False, "", "", 13),
        Finding("c", False, "", "", 15),
    )

    assert exit_code([fine]) == 0
    assert exit_code([fine, java, disk]) == 13
