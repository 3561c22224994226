"""The kernel "Courant (PySpark)": how Jupyter starts it, kept under the stack's home and nowhere else."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from courant.session import interactive_environment
from courant.settings import Settings

KERNEL, PROPERTIES = "courant", "spark-lab.conf"
EXTENSION = "courant.lab.extension"


def write_kernel(settings: Settings, *, properties: str = PROPERTIES) -> Path:
    """Write how the kernel is started; give the file.

    Parameters
    ----------
    properties
        The file in conf/ that its session of Spark reads on top of spark-defaults.conf.

    Raises
    ------
    SettingsError
        If Spark's JVM artifacts are not there.
    """
    own = {"COURANT_HOME": str(settings.home), "IPYTHONDIR": str(_folder(settings) / "ipython")}
    spec = {
        "argv": [
            sys.executable, "-Xfrozen_modules=off", "-m", "ipykernel_launcher",
            "-f", "{connection_file}", f"--ext={EXTENSION}",
        ],
        "display_name": "Courant (PySpark)",
        "language": "python",
        "env": interactive_environment(settings, properties=properties) | own,
        "metadata": {"debugger": True},
    }  # fmt: skip
    path = _folder(settings) / "kernels" / KERNEL / "kernel.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(spec, indent=1), encoding="utf-8")
    return path


def jupyter_environment(settings: Settings) -> dict[str, str]:
    """Give the variables with which Jupyter finds the kernel, and writes nothing to its user's own folders."""
    folder = _folder(settings)
    return {
        "JUPYTER_PATH": str(folder),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(settings.home / "run" / "jupyter"),
    }


def _folder(settings: Settings) -> Path:
    return settings.home / "jupyter"
