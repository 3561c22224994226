"""MLflow's own server for its UI, on this machine only, until Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from courant.errors import NotEnoughDataError
from courant.local.ports import LOCALHOST, check_free, free_ports
from courant.local.process import stop
from courant.settings import Settings

_PATIENCE_S = 20


def serve(settings: Settings, port: int, report: Callable[[str], None]) -> int:
    """Run the server and its UI; then nothing that it started is left. Gives 0 after Ctrl-C, else its exit code.

    Parameters
    ----------
    port
        Where it listens on 127.0.0.1; 0 takes any free one.
    report
        Told the address.

    Raises
    ------
    NotEnoughDataError
        If there is no run to show.
    PortInUseError
        If something else listens on the port.
    """
    if not settings.mlflow.root.exists():
        raise NotEnoughDataError(
            f"There are no runs of models in {settings.mlflow.root}", remedy="run `courant ml` first"
        )
    chosen = check_free("mlflow", port) if port else free_ports(1)[0]
    command = [
        str(Path(sys.executable).parent / "mlflow"), "server", "--host", LOCALHOST, "--port", str(chosen),
        "--backend-store-uri", settings.mlflow.tracking_uri, "--default-artifact-root", settings.mlflow.artifacts_uri,
        "--workers", "1",
    ]  # fmt: skip
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    log = settings.home / "logs" / "mlflow.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        environment = os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true"}
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            start_new_session=True,
        )
        try:
            report(f"The runs are at http://{LOCALHOST}:{chosen} (Ctrl-C stops it; log: {log})")
            return process.wait()
        except KeyboardInterrupt:
            return 0
        finally:
            signal.signal(signal.SIGTERM, before)
            stop([process.pid], patience_s=_PATIENCE_S)
            process.wait()
