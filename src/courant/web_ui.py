"""A server for people's eyes, on this machine only, until Ctrl-C; then nothing that it started is left."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence

from courant.local.ports import LOCALHOST, check_free, free_ports
from courant.local.process import stop
from courant.settings import Settings

_PATIENCE_S = 20


def serve(  # noqa: PLR0913 - an edge
    settings: Settings,
    name: str,
    command: Callable[[int], Sequence[str]],
    *,
    port: int,
    report: Callable[[str], None],
    environment: Mapping[str, str] | None = None,
    pages: Mapping[str, str] | None = None,
) -> int:
    """Run the server; gives 0 after Ctrl-C, else its exit code.

    Parameters
    ----------
    name
        Of the server, and of its log.
    command
        What to start, made of the port.
    port
        Where it listens on 127.0.0.1; 0 takes any free one.
    report
        Told the address, and those of pages worth a look.
    pages
        Their names, and where they are below the address.

    Raises
    ------
    PortInUseError
        If something else listens on the port.
    """
    chosen = check_free(name, port) if port else free_ports(1)[0]
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    log = settings.home / "logs" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            list(command(chosen)),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=os.environ | (environment or {}),
            start_new_session=True,
        )
        try:
            report(f"{name} is at http://{LOCALHOST}:{chosen} (Ctrl-C stops it; log: {log})")
            for title, path in (pages or {}).items():
                report(f"{title}: http://{LOCALHOST}:{chosen}{path}")
            return process.wait()
        except KeyboardInterrupt:
            return 0
        finally:
            signal.signal(signal.SIGTERM, before)
            stop([process.pid], patience_s=_PATIENCE_S)
            process.wait()
