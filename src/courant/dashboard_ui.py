"""Streamlit's server for the dashboard, on this machine only, until Ctrl-C; or beside another run, with its picture."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO

from courant.local.ports import LOCALHOST, free_ports, is_free
from courant.settings import PROJECT_ROOT, Settings
from courant.web_ui import serve

APP = PROJECT_ROOT / "dashboard" / "app.py"
_CAMERA = PROJECT_ROOT / "scripts" / "take_screenshots.py"
_PICTURE_WITHIN_S = 120


def serve_dashboard(settings: Settings, port: int, report: Callable[[str], None]) -> int:
    """Run the server, as `web_ui.serve`."""

    def command(chosen: int) -> list[str]:
        return [
            sys.executable, "-m", "streamlit", "run", str(APP), "--server.address", settings.listen_on,
            "--server.port", str(chosen), "--server.headless", "true", "--server.fileWatcherType", "none",
            "--browser.gatherUsageStats", "false", "--client.showErrorDetails", "none",
            "--client.toolbarMode", "minimal",
        ]  # fmt: skip

    ours = {"PYTHONPATH": str(PROJECT_ROOT), "COURANT_HOME": str(settings.home)}
    return serve(settings, "dashboard", command, port=port, report=report, environment=ours)


def start_dashboard(settings: Settings, log: IO[bytes], *, port: int) -> tuple[str, subprocess.Popen[bytes]]:
    """Start `courant dashboard` as a process, for whoever ends it by SIGINT or SIGTERM; give its address.

    Parameters
    ----------
    port
        Where it shall listen; any other where that is taken or 0.
    """
    chosen = port if port and is_free(port) else free_ports(1)[0]
    process = subprocess.Popen(
        [sys.executable, "-m", "courant.cli", "dashboard", "--port", str(chosen)],
        env=os.environ | {"COURANT_HOME": str(settings.home)},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    return f"http://{LOCALHOST}:{chosen}", process


def take_picture(settings: Settings, screen: str, folder: Path) -> Path | str:
    """Serve the dashboard for as long as it takes to picture one screen; give the file, or why there is none.

    Playwright takes it, in a process of its own, because only tests and pictures need it. Chromium alone cannot: its
    `--screenshot` is taken before the page has heard from its server.

    Parameters
    ----------
    screen
        `live`, `explore`, `forecast`, `segments` or `health`.
    folder
        Where the file `SCREEN.png` is put.
    """
    log_path = settings.home / "logs" / "picture.log"
    with log_path.open("wb") as log:
        address, server = start_dashboard(settings, log, port=0)
        try:
            taken = subprocess.run(
                [sys.executable, str(_CAMERA), screen, "--address", address, "--out", str(folder), "--still"],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False,
                timeout=_PICTURE_WITHIN_S,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return f"it was not drawn within {_PICTURE_WITHIN_S} s; see {log_path}"
        finally:
            server.terminate()
            server.wait()
    path = folder / f"{screen}.png"
    return path if taken.returncode == 0 else (taken.stderr.strip().splitlines() or ["unknown"])[-1]
