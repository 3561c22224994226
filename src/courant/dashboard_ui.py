"""Streamlit's server for the dashboard, on this machine only, until Ctrl-C."""

from __future__ import annotations

import sys
from collections.abc import Callable

from courant.local.ports import LOCALHOST
from courant.settings import PROJECT_ROOT, Settings
from courant.web_ui import serve

APP = PROJECT_ROOT / "dashboard" / "app.py"


def serve_dashboard(settings: Settings, port: int, report: Callable[[str], None]) -> int:
    """Run the server, as `web_ui.serve`."""

    def command(chosen: int) -> list[str]:
        return [
            sys.executable, "-m", "streamlit", "run", str(APP), "--server.address", LOCALHOST,
            "--server.port", str(chosen), "--server.headless", "true", "--server.fileWatcherType", "none",
            "--browser.gatherUsageStats", "false", "--client.showErrorDetails", "none",
            "--client.toolbarMode", "minimal",
        ]  # fmt: skip

    ours = {"PYTHONPATH": str(PROJECT_ROOT), "COURANT_HOME": str(settings.home)}
    return serve(settings, "dashboard", command, port=port, report=report, environment=ours)
