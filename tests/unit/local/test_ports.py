"""Which ports are taken, and what wins: a wish, last time's, a free one."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from courant.errors import PortInUseError
from courant.local.ports import choose_ports, free_ports, is_free, remembered_ports, wished_ports
from courant.settings import endpoints_file, load_settings


def remember(home: Path, mysql: int = 3306) -> None:
    endpoints = {
        "kafka": {"bootstrap_servers": "127.0.0.1:9092"},
        "mysql": {"host": "127.0.0.1", "port": mysql},
        "mongo": {"uri": "mongodb://127.0.0.1:27017", "port": 27017},
    }
    endpoints_file(home).write_text(json.dumps(endpoints))


def test_last_times_ports_are_no_wish(tmp_path: Path) -> None:
    remember(tmp_path)

    settings = load_settings(home=tmp_path)

    assert settings.mysql.port == 3306
    assert remembered_ports(tmp_path) == {"kafka": 9092, "mysql": 3306, "mongo": 27017}
    assert wished_ports(settings) == {"kafka": 0, "mysql": 0, "mongo": 0}


def test_a_variable_is_a_wish_that_beats_last_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remember(tmp_path)
    monkeypatch.setenv("COURANT_MYSQL_PORT", "3307")

    assert wished_ports(load_settings(home=tmp_path))["mysql"] == 3307


def test_a_wish_in_the_file_beats_last_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remember(tmp_path)
    config = tmp_path / "courant.toml"
    config.write_text("[mysql]\nport = 3308\n")
    monkeypatch.setenv("COURANT_CONFIG", str(config))

    assert wished_ports(load_settings(home=tmp_path))["mysql"] == 3308


def test_a_wished_port_is_taken_whatever_was_last() -> None:
    wished, last = free_ports(2)

    assert choose_ports({"mysql": wished}, {"mysql": last}) == {"mysql": wished}


def test_last_times_port_is_taken_while_it_is_free(taken_port: int) -> None:
    (last,) = free_ports(1)

    assert choose_ports({"mysql": 0}, {"mysql": last}) == {"mysql": last}
    assert choose_ports({"mysql": 0}, {"mysql": taken_port})["mysql"] not in (0, taken_port)


def test_a_wished_port_in_use_is_an_error_that_names_its_owner(taken_port: int) -> None:
    with pytest.raises(
        PortInUseError, match=rf"Port {taken_port}, set for mysql, is in use by .*\(pid {os.getpid()}\)"
    ):
        choose_ports({"mysql": taken_port}, {})


def test_free_ports_differ_and_lie_below_the_ephemeral_ones() -> None:
    ports = free_ports(50)

    assert len(set(ports)) == 50
    assert all(20000 <= port < 32000 and is_free(port) for port in ports)
