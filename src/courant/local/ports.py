"""Which ports the servers take: those that are wished for, else last time's, else free ones."""

from __future__ import annotations

import contextlib
import itertools
import json
import secrets
import socket
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import psutil
from pydantic_settings import BaseSettings, JsonConfigSettingsSource, PydanticBaseSettingsSource

from courant.errors import PortInUseError
from courant.settings import Settings, endpoints_file

LOCALHOST = "127.0.0.1"
NAMES = ("kafka", "mysql", "mongo")
# Below the systems' ephemeral ports: there, a client that retries a stopped server may connect to itself.
_SERVER_PORTS = range(20000, 32000)


class _Wishes(Settings):
    """The settings as if no stack had ever run in this home: a variable's or courant.toml's wish, else 0."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        sources = super().settings_customise_sources(
            settings_cls, init_settings, env_settings, dotenv_settings, file_secret_settings
        )
        return tuple(source for source in sources if not isinstance(source, JsonConfigSettingsSource))


def wished_ports(settings: Settings) -> dict[str, int]:
    """Give the port that a person asked for, by server; 0 where any free one will do.

    What `settings` holds may be last time's port: it is a wish only where it differs from that.
    """
    asked, remembered = _Wishes(home=settings.home), remembered_ports(settings.home)
    held = {name: getattr(settings, name).port for name in NAMES}
    return {
        name: held[name] if held[name] != remembered.get(name, 0) else getattr(asked, name).port
        for name in NAMES
    }


def remembered_ports(home: Path) -> dict[str, int]:
    """Read last time's ports in HOME/endpoints.json; empty where there was no last time."""
    path = endpoints_file(home)
    if not path.exists():
        return {}
    content = json.loads(path.read_text())
    return {
        "kafka": int(content["kafka"]["bootstrap_servers"].rpartition(":")[2]),
        "mysql": int(content["mysql"]["port"]),
        "mongo": urlsplit(content["mongo"]["uri"]).port or 0,
    }


def choose_ports(wished: Mapping[str, int], remembered: Mapping[str, int]) -> dict[str, int]:
    """Choose a port for each server of ``wished``.

    Raises
    ------
    PortInUseError
        If a wished port is taken; the message names its owner where the system tells.
    """
    chosen = {name: check_free(name, port) for name, port in wished.items() if port}
    for name in wished.keys() - chosen.keys():
        last = remembered.get(name, 0)
        if last and last not in chosen.values() and is_free(last):
            chosen[name] = last
    lacking = sorted(wished.keys() - chosen.keys())
    return chosen | dict(zip(lacking, free_ports(len(lacking)), strict=True))


def check_free(name: str, port: int) -> int:
    """Give the port back if nothing listens on it.

    Raises
    ------
    PortInUseError
        If something does.
    """
    if is_free(port):
        return port
    owner = _owner(port)
    raise PortInUseError(
        f"Port {port}, set for {name}, is in use" + (f" by {owner}" if owner else ""),
        remedy=f"stop that process, or set COURANT_{name.upper()}_PORT to another port (0: any free one)",
    )


def is_free(port: int) -> bool:
    """Say whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOCALHOST, port))
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """Find ports that are free and differ from each other."""
    candidates = secrets.SystemRandom().sample(_SERVER_PORTS, len(_SERVER_PORTS))
    return list(itertools.islice(filter(is_free, candidates), count))


def _owner(port: int) -> str:
    """Name the process that listens on a port; empty where the system does not tell."""
    with contextlib.suppress(psutil.AccessDenied, psutil.NoSuchProcess):
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,) and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return ""
