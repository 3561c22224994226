"""JupyterLab on this machine only, until Ctrl-C, with the notebooks and a kernel that has Spark."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable
from functools import partial

from courant.lab.kernel import KERNEL, jupyter_environment, write_kernel
from courant.local.java import check_java
from courant.local.secrets import write_private
from courant.settings import PROJECT_ROOT, Settings
from courant.web_ui import serve

_START = "/lab/tree/notebooks/01_explore.ipynb"


def serve_lab(settings: Settings, port: int, report: Callable[[str], None]) -> int:
    """Run the server, as `web_ui.serve`; the address that is reported lets its reader in.

    Jupyter reads the token from a file of its owner alone, so it is in no log, command line or environment.

    Raises
    ------
    JavaError, SettingsError
        If Spark could not start: no Java that is new enough, no JVM artifacts.
    """
    check_java()
    write_kernel(settings)
    token, kept = secrets.token_urlsafe(24), settings.home / "run" / "lab.token"
    kept.parent.mkdir(parents=True, exist_ok=True)
    write_private(kept, token)
    environment = jupyter_environment(settings) | {"JUPYTER_TOKEN_FILE": str(kept)}
    pages = {"notebooks": f"{_START}?token={token}"}
    try:
        return serve(
            settings,
            "lab",
            partial(_command, settings),
            port=port,
            report=report,
            environment=environment,
            pages=pages,
        )
    finally:
        kept.unlink(missing_ok=True)


def _command(settings: Settings, port: int) -> list[str]:
    as_root = ["--allow-root"] if os.geteuid() == 0 else []
    return [
        sys.executable, "-m", "jupyterlab", "--no-browser", *as_root, "--config", os.devnull,
        f"--ServerApp.ip={settings.listen_on}", f"--ServerApp.port={port}", "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={PROJECT_ROOT}",
        f"--MultiKernelManager.default_kernel_name={KERNEL}",
        "--KernelSpecManager.ensure_native_kernel=False", f"--KernelSpecManager.allowed_kernelspecs={KERNEL}",
        # Nothing is asked of the network: no news, no newer version, no list of extensions.
        "--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
        "--LanguageServerManager.autodetect=False",  # by npm, which writes logs into a home
    ]  # fmt: skip
