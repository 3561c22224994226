"""Starting one server until it answers, and stopping servers until no process is left."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from courant.errors import PortInUseError, StackError
from courant.local import process
from courant.local.ports import NAMES, choose_ports
from courant.local.process import ProcessRecord
from courant.local.server import NotReadyError, Server, log_of, record_of

READY_WITHIN_S = 120
STOPPED_WITHIN_S = 60
_POLL_S = 0.1
_PORT_TAKEN = ("Address already in use", "BindException", "Bind on TCP/IP port")


def start(
    home: Path,
    server: Server,
    report: Callable[[str, str], None],
    *,
    given_up: threading.Event,
    may_move: bool,
) -> Server:
    """Start a server and wait until it answers; give it back, with the port it has in the end.

    A port that was free a moment ago may be taken by now: then it moves to another one, once, if it may.
    """
    report(server.name, "starting")
    try:
        _start_once(home, server, given_up)
    except PortInUseError:
        if not may_move:
            raise
        moved = choose_ports({server.name: 0}, {})[server.name]
        server = cast(Server, replace(cast(Any, server), port=moved))
        _start_once(home, server, given_up)
    report(server.name, "ready")
    return server


def stop_all(home: Path, servers: Iterable[Server]) -> tuple[str, ...]:
    """Stop servers, also those whose record was lost, and give the names of those that ran."""
    found = {server.name: _pids(home, server) for server in servers}
    process.stop([pid for pids in found.values() for pid in pids], patience_s=STOPPED_WITHIN_S)
    for name in found:
        record_of(home, name).unlink(missing_ok=True)
    return tuple(name for name, pids in found.items() if pids)


def running_ports(home: Path) -> dict[str, int]:
    """Give the ports of the servers whose processes live, by name."""
    records = {name: process.read_record(record_of(home, name)) for name in NAMES}
    return {name: record.port for name, record in records.items() if record}


def _start_once(home: Path, server: Server, given_up: threading.Event) -> None:
    left_by_a_killed_up = process.find_by_argument(server.argument)
    process.stop(left_by_a_killed_up, patience_s=STOPPED_WITHIN_S)
    server.prepare()
    pid, log_start = process.start(server.command(), home=home, log=log_of(home, server.name))
    identity = process.identity(pid)
    if identity:
        process.write_record(record_of(home, server.name), ProcessRecord(pid, identity, server.port))
    _wait(home, server, given_up, log_start)
    server.make_ready()


def _wait(home: Path, server: Server, given_up: threading.Event, log_start: int) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    last = "it does not listen"
    while record := process.read_record(record_of(home, server.name)):
        if given_up.wait(_POLL_S):
            raise StackError(f"{server.name} was not waited for")
        if process.listens(record.pid, server.port):  # else another server may answer in its place
            try:
                return server.check_answers()
            except NotReadyError as error:
                last = str(error)
        if time.monotonic() > deadline:
            raise StackError(
                f"{server.name} does not answer on port {server.port} after {READY_WITHIN_S} s: {last}",
                remedy=f"see {log_of(home, server.name)}",
            )
    raise _death(server, log_of(home, server.name), log_start)


def _death(server: Server, log: Path, log_start: int) -> StackError | PortInUseError:
    output = log.read_bytes()[log_start:].decode(errors="replace")
    if any(sign in output for sign in _PORT_TAKEN):
        return PortInUseError(
            f"Port {server.port}, for {server.name}, was taken by another process while it started",
            remedy="run `courant up` again, or set another port",
        )
    tail = "\n".join(output.splitlines()[-15:])
    return StackError(f"{server.name} ended while it started. Its log ends:\n{tail}", remedy=f"see {log}")


def _pids(home: Path, server: Server) -> set[int]:
    record = process.read_record(record_of(home, server.name))
    return {*([record.pid] if record else []), *process.find_by_argument(server.argument)}
