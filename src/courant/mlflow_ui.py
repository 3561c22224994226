"""MLflow's own server for its UI, on this machine only, until Ctrl-C."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from courant.errors import NotEnoughDataError
from courant.local.ports import LOCALHOST
from courant.settings import Settings
from courant.web_ui import serve


def serve_mlflow(settings: Settings, port: int, report: Callable[[str], None]) -> int:
    """Run the server and its UI, as `web_ui.serve`.

    Raises
    ------
    NotEnoughDataError
        If there is no run to show.
    """
    if not settings.mlflow.root.exists():
        raise NotEnoughDataError(
            f"There are no runs of models in {settings.mlflow.root}", remedy="run `courant ml` first"
        )

    def command(chosen: int) -> list[str]:
        return [
            str(Path(sys.executable).parent / "mlflow"), "server", "--host", LOCALHOST, "--port", str(chosen),
            "--backend-store-uri", settings.mlflow.tracking_uri,
            "--default-artifact-root", settings.mlflow.artifacts_uri, "--workers", "1",
        ]  # fmt: skip

    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true"}
    return serve(settings, "mlflow", command, port=port, report=report, environment=quiet)
