"""Passwords are made once, kept for their owner alone, and a variable's is not written down."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from courant.local.secrets import PASSWORDS, with_passwords
from courant.settings import load_settings, secrets_file


def test_passwords_are_made_once(tmp_path: Path) -> None:
    first = with_passwords(load_settings(home=tmp_path))
    again = with_passwords(load_settings(home=tmp_path))

    assert first.mysql == again.mysql == load_settings(home=tmp_path).mysql
    assert all(len(getattr(first.mysql, name).get_secret_value()) >= 32 for name in PASSWORDS)
    assert secrets_file(tmp_path).stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secrets.json"]


def test_a_file_that_others_could_read_is_closed(tmp_path: Path) -> None:
    with_passwords(load_settings(home=tmp_path))
    secrets_file(tmp_path).chmod(0o644)

    with_passwords(load_settings(home=tmp_path))

    assert secrets_file(tmp_path).stat().st_mode & 0o777 == 0o600


def test_a_password_of_a_variable_is_used_and_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURANT_MYSQL_READER_PASSWORD", "from a variable")

    settings = with_passwords(load_settings(home=tmp_path))

    assert settings.mysql.reader_password.get_secret_value() == "from a variable"
    assert "from a variable" not in secrets_file(tmp_path).read_text()


def test_what_the_file_lacks_is_added_and_the_rest_is_kept(tmp_path: Path) -> None:
    secrets_file(tmp_path).write_text(json.dumps({"mysql": {"root_password": "mine"}}))

    settings = with_passwords(load_settings(home=tmp_path))

    kept = json.loads(secrets_file(tmp_path).read_text())["mysql"]
    assert settings.mysql.root_password.get_secret_value() == "mine"
    assert kept["root_password"] == "mine"
    assert set(kept) == set(PASSWORDS)


def test_passwords_do_not_show_when_settings_are_printed(tmp_path: Path) -> None:
    settings = with_passwords(load_settings(home=tmp_path))

    assert settings.mysql.root_password.get_secret_value() not in repr(settings)
