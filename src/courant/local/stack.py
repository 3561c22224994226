"""The embedded stack as one thing: up, down, status."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from courant.errors import AccessDeniedError, StackError
from courant.local import launch, process
from courant.local.disk import check_disk
from courant.local.jars import silent
from courant.local.java import check_java
from courant.local.kafka import KafkaServer
from courant.local.lock import only_one
from courant.local.mariadb import MariaDBServer
from courant.local.mongo import MongoServer, uri
from courant.local.ports import LOCALHOST, NAMES, choose_ports, remembered_ports, wished_ports
from courant.local.secrets import with_passwords
from courant.local.server import NotReadyError, Server, record_of
from courant.settings import Settings, endpoints_file

RUNNING, STOPPED, SILENT, REFUSED = "running", "stopped", "not answering", "access denied"


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """One server as it is now."""

    name: str
    state: str  # running | stopped | not answering | access denied
    pid: int | None
    address: Mapping[str, str | int | None]  # as in `courant status --json`


@dataclass(frozen=True, slots=True)
class StackStatus:
    """The three servers as they are now."""

    home: Path
    services: Mapping[str, ServiceStatus]
    started: tuple[str, ...] = ()  # what this `up` started; empty when all ran already

    @property
    def is_up(self) -> bool:
        """Whether all three answer."""
        return all(service.state == RUNNING for service in self.services.values())


def up(
    settings: Settings,
    report: Callable[[str, str], None] = silent,
    *,
    reset_passwords: bool = False,
) -> StackStatus:
    """Start what does not run yet, wait until all answer, and leave the addresses in HOME/endpoints.json.

    An `up` that fails stops what it started.

    Parameters
    ----------
    report
        Called with a server's name and what happens to it: ``starting``, ``ready``.
    reset_passwords
        Give the database server the passwords of the settings, whatever it had before.

    Raises
    ------
    PortInUseError, DiskFullError, JavaError, AccessDeniedError, StackError
        Each says what to do.
    """
    check_java()
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with only_one(settings.home):
        check_disk(settings.home)
        settings = with_passwords(settings)
        servers = _servers(settings, _ports(settings))
        stopped = [server for server in servers.values() if _pid(settings, server) is None]
        if reset_passwords:
            _reset_passwords(servers["mysql"] in stopped, servers["mysql"])
        started = _start_all(settings, stopped, report)
        servers = {server.name: server for server in (*servers.values(), *started)}
        _write_endpoints(settings, servers)
        return _status(settings, servers, tuple(server.name for server in started))


def down(settings: Settings) -> tuple[str, ...]:
    """Stop all servers of this home and give the names of those that ran; their data stays."""
    if not settings.home.exists():
        return ()
    with only_one(settings.home):
        return launch.stop_all(settings.home, _servers(settings, dict.fromkeys(NAMES, 0)).values())


def status(settings: Settings) -> StackStatus:
    """Look at each server: whether its process lives, and whether it answers."""
    ports = dict.fromkeys(NAMES, 0) | remembered_ports(settings.home) | launch.running_ports(settings.home)
    return _status(settings, _servers(settings, ports))


def addressed(settings: Settings, status: StackStatus) -> Settings:
    """Give the settings with the addresses of a stack that is up, and its passwords."""
    kafka, mysql, mongo = (dict(status.services[name].address) for name in NAMES)
    filled = with_passwords(settings)
    return filled.model_copy(
        update={
            "kafka": filled.kafka.model_copy(update=kafka),
            "mysql": filled.mysql.model_copy(update=mysql),
            "mongo": filled.mongo.model_copy(update=mongo),
        }
    )


def _servers(settings: Settings, ports: Mapping[str, int]) -> dict[str, Server]:
    return {
        "kafka": KafkaServer(settings, ports["kafka"]),
        "mysql": MariaDBServer(settings, ports["mysql"]),
        "mongo": MongoServer(settings, ports["mongo"]),
    }


def _ports(settings: Settings) -> dict[str, int]:
    """Keep the ports of the servers that run, and choose for the others."""
    wished, running = wished_ports(settings), launch.running_ports(settings.home)
    for name, port in running.items():
        if wished[name] not in (0, port):
            raise StackError(
                f"The embedded {name} runs on port {port}, but the settings ask for {wished[name]}",
                remedy="run `courant down`, then `courant up`",
            )
    rest = {name: port for name, port in wished.items() if name not in running}
    return running | choose_ports(rest, remembered_ports(settings.home))


def _pid(settings: Settings, server: Server) -> int | None:
    record = process.read_record(record_of(settings.home, server.name))
    return record.pid if record else None


def _reset_passwords(is_stopped: bool, server: Server) -> None:
    if not is_stopped:
        raise StackError(
            "Passwords are reset only while the server is stopped", remedy="run `courant down` first"
        )
    assert isinstance(server, MariaDBServer)  # noqa: S101 - narrows the type
    server.prepare()
    server.reset_passwords()


def _start_all(settings: Settings, servers: list[Server], report: Callable[[str, str], None]) -> list[Server]:
    """Start servers beside each other; when one fails, or Ctrl-C comes, stop all of them again."""
    given_up = threading.Event()
    may_move = {name for name, port in wished_ports(settings).items() if not port}
    try:
        with ThreadPoolExecutor(max_workers=len(NAMES)) as pool:
            futures = [
                pool.submit(
                    launch.start,
                    settings.home,
                    server,
                    report,
                    given_up=given_up,
                    may_move=server.name in may_move,
                )
                for server in servers
            ]
            try:
                return [future.result() for future in futures]
            except BaseException:
                given_up.set()
                raise
    except BaseException:
        launch.stop_all(settings.home, servers)
        raise


def _write_endpoints(settings: Settings, servers: Mapping[str, Server]) -> None:
    path = endpoints_file(settings.home)
    addresses = {
        "kafka": {"bootstrap_servers": f"{LOCALHOST}:{servers['kafka'].port}"},
        "mysql": {"host": LOCALHOST, "port": servers["mysql"].port},
        "mongo": {"uri": uri(servers["mongo"].port), "port": servers["mongo"].port},
    }
    scratch = path.with_suffix(".new")
    scratch.write_text(json.dumps(addresses, indent=1))
    scratch.replace(path)


def _status(settings: Settings, servers: Mapping[str, Server], started: tuple[str, ...] = ()) -> StackStatus:
    with ThreadPoolExecutor(max_workers=len(NAMES)) as pool:
        states = dict(
            zip(servers, pool.map(lambda server: _state(settings, server), servers.values()), strict=True)
        )
    services = {
        name: ServiceStatus(name, states[name], _pid(settings, server), _address(settings, server))
        for name, server in servers.items()
    }
    return StackStatus(settings.home, services, started)


def _state(settings: Settings, server: Server) -> str:
    if _pid(settings, server) is None:
        return STOPPED
    try:
        server.check_answers()
    except NotReadyError:
        return SILENT
    except AccessDeniedError:
        return REFUSED
    return RUNNING


def _address(settings: Settings, server: Server) -> dict[str, str | int | None]:
    port = server.port or None
    match server.name:
        case "kafka":
            return {"bootstrap_servers": f"{LOCALHOST}:{port}" if port else None}
        case "mysql":
            return {"host": LOCALHOST, "port": port, "database": settings.mysql.database}
        case _:
            return {"uri": uri(port) if port else None}
