"""MLflow's own server for its UI, on this machine only, until Ctrl-C."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from courant.batch.record_runs import ENGINE
from courant.domain.contract import load_contracts
from courant.errors import NotEnoughDataError
from courant.ml.measured_work import RIDGE
from courant.registry.tracking import Tracker
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
            str(Path(sys.executable).parent / "mlflow"), "server", "--host", settings.listen_on, "--port", str(chosen),
            "--backend-store-uri", settings.mlflow.tracking_uri,
            "--default-artifact-root", settings.mlflow.artifacts_uri, "--workers", "1",
        ]  # fmt: skip

    pages = {f"engines of {name}, side by side": path for name, path in comparisons(settings).items()}
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true"}
    return serve(settings, "mlflow", command, port=port, report=report, environment=quiet, pages=pages)


def comparisons(settings: Settings) -> dict[str, str]:
    """Give, by data set, the page that holds the newest comparison's engines against each other."""
    pages = {}
    for name in load_contracts(settings.contracts_dir):
        runs = [run for run in Tracker(settings, name).runs(ENGINE) if run.tags["work"] == RIDGE]
        newest = [run for run in runs if run.parent == runs[0].parent]
        if len(newest) > 1:
            chosen, experiment = (
                json.dumps(ids) for ids in ([r.run_id for r in newest], [runs[0].experiment_id])
            )
            pages[name] = f"/#/compare-runs?runs={quote(chosen)}&experiments={quote(experiment)}"
    return pages
