"""A notebook run in the kernel that `courant lab` offers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest
from ingesting import ROOT

from courant.lab.kernel import KERNEL, jupyter_environment, write_kernel
from courant.settings import Settings


def execute(settings: Settings, notebook: Path, out: Path, parameters: dict[str, Any]) -> None:
    """Run a notebook as papermill does; `out` has its outputs, up to a cell that failed.

    Raises
    ------
    papermill.exceptions.PapermillExecutionError
        If a cell failed.
    """
    write_kernel(settings, properties="spark-short.conf")
    with pytest.MonkeyPatch.context() as patch:
        for variable, value in jupyter_environment(settings).items():
            patch.setenv(variable, value)
        papermill.execute_notebook(
            notebook, out, parameters=parameters, kernel_name=KERNEL, cwd=ROOT / "notebooks",
            progress_bar=False, start_timeout=300,
        )  # fmt: skip


def outputs(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """List what its cells showed."""
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def printed(notebook: nbformat.NotebookNode) -> str:
    """Give what its cells printed."""
    return "".join(o.text for o in outputs(notebook) if o.output_type == "stream" and o.name == "stdout")
