"""The kernel's description, and the variables that make a session of Spark in a process of one's own."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest
from jupyter_client.kernelspec import KernelSpecManager

from courant.lab.kernel import KERNEL, jupyter_environment, write_kernel
from courant.placement import place_options
from courant.session import CONF, interactive_environment
from courant.settings import load_settings


def test_the_kernel_stands_in_its_home_and_jupyter_finds_it_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken_port: int
) -> None:
    home, master = tmp_path / "a home", f"spark://127.0.0.1:{taken_port}"  # one that answers
    settings = load_settings(home=home, spark={"master": master})
    path = write_kernel(settings)
    for name, value in jupyter_environment(settings).items():
        monkeypatch.setenv(name, value)

    found = KernelSpecManager().get_kernel_spec(KERNEL)

    assert path == home / "jupyter" / "kernels" / "courant" / "kernel.json"
    assert found.resource_dir == str(path.parent)
    assert found.display_name == "Courant (PySpark)"
    assert found.argv[0] == found.env["PYSPARK_PYTHON"] == sys.executable
    assert found.env["COURANT_HOME"] == str(home)
    assert found.env["SPARK_CONF_DIR"] == str(CONF)
    arguments = shlex.split(found.env["PYSPARK_SUBMIT_ARGS"])
    place = place_options(settings)
    assert place[:2] == ["--master", master]
    own = ["--properties-file", str(CONF / "spark-lab.conf"), "--load-spark-defaults"]
    assert arguments[: len(place) + 3] == [*place, *own]
    assert arguments[-1] == "pyspark-shell"
    assert all(Path(jar).exists() for jar in arguments[arguments.index("--jars") + 1].split(","))


def test_no_password_is_in_the_kernels_description(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, mysql={"reader_password": "hush-hush"})

    assert "hush-hush" not in write_kernel(settings).read_text()


def test_a_second_start_follows_the_settings(tmp_path: Path) -> None:
    write_kernel(load_settings(home=tmp_path, spark={"master": "local[1]"}))
    path = write_kernel(load_settings(home=tmp_path, spark={"master": "local[2]"}))

    assert "--master local[2]" in json.loads(path.read_text())["env"]["PYSPARK_SUBMIT_ARGS"].replace("'", "")


def test_without_properties_only_the_shared_ones_count(tmp_path: Path) -> None:
    arguments = interactive_environment(load_settings(home=tmp_path))["PYSPARK_SUBMIT_ARGS"]

    assert "--properties-file" not in arguments


def test_models_and_their_addresses_are_a_homes_own(tmp_path: Path) -> None:
    assert load_settings(home=tmp_path).lab.model_uri("a model") == f"file://{tmp_path}/models/a%20model"
