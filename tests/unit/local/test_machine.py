"""Java, disk, lock and folders: what is checked before a server starts."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from courant.errors import DiskFullError, JavaError, StackError
from courant.local.disk import enough_mb
from courant.local.java import check_java, parse_version
from courant.local.lock import only_one
from courant.local.server import make_folder

JAVA = """#!/bin/sh
echo 'openjdk version "{version}" 2020-01-01' >&2
"""


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime Environment', 17),
        ('java version "1.8.0_402"', 8),
        ('openjdk version "21" 2023-09-19', 21),
        ('Picked up JAVA_TOOL_OPTIONS: -Xmx1g\nopenjdk version "25.0.1" 2025-10-21', 25),
        ("java: command not found", None),
    ],
)
def test_the_major_version_of_java_is_read(text: str, version: int | None) -> None:
    assert parse_version(text) == version


def test_no_java_is_an_error_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)

    with pytest.raises(JavaError, match="no java on PATH") as error:
        check_java()
    assert "openjdk-17" in error.value.remedy
    assert error.value.exit_code == 13


def test_a_java_home_without_java_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))

    with pytest.raises(JavaError, match=str(tmp_path)):
        check_java()


def test_an_old_java_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text(JAVA.format(version="11.0.2"))
    java.chmod(stat.S_IRWXU)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))

    with pytest.raises(JavaError, match=r"Java 11 .* is too old: 17 is needed"):
        check_java()


def test_too_little_disk_is_an_error_with_both_numbers(tmp_path: Path) -> None:
    assert enough_mb(500, 500, tmp_path) == 500
    with pytest.raises(DiskFullError, match="499 MB of disk left, 500 MB are needed") as error:
        enough_mb(499, 500, tmp_path)
    assert "COURANT_HOME" in error.value.remedy


def test_a_held_lock_is_an_error_and_a_released_one_is_not(tmp_path: Path) -> None:
    with (
        only_one(tmp_path),
        pytest.raises(StackError, match="Another `courant up`"),
        only_one(tmp_path, wait_s=0),
    ):
        pass
    with only_one(tmp_path, wait_s=0):
        pass


def test_a_folder_is_made_whole_or_not_at_all(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_folder(tmp_path / "data", fail)
    assert not (tmp_path / "data").exists()

    make_folder(tmp_path / "data", lambda folder: (folder / "whole").touch())
    make_folder(tmp_path / "data", fail)  # it is there: nothing is done
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["whole"]
