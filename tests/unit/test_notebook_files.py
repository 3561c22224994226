"""What is kept of a notebook: its questions and its few lines of code, without what a run left in it."""

from __future__ import annotations

import ast
from pathlib import Path

import nbformat
import pytest

from courant.lab.kernel import KERNEL
from courant.settings import PROJECT_ROOT

NOTEBOOKS = sorted((PROJECT_ROOT / "notebooks").glob("*.ipynb"))
CLEAN = "`.venv/bin/jupyter nbconvert --clear-output --inplace notebooks/*.ipynb` clears them"
BEYOND_A_NOTEBOOK = (ast.FunctionDef, ast.ClassDef, ast.While, ast.Try, ast.Lambda)


def code_cells(path: Path) -> list[nbformat.NotebookNode]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def test_there_are_four_notebooks() -> None:
    assert [path.stem for path in NOTEBOOKS] == [
        "01_explore",
        "02_regression",
        "03_classification",
        "04_segments",
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_outputs(path: Path) -> None:
    left = [cell.source for cell in code_cells(path) if cell.outputs or cell.execution_count is not None]

    assert not left, f"{path.name} has outputs; {CLEAN}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_its_first_code_cell_is_what_papermill_replaces(path: Path) -> None:
    first, *others = code_cells(path)

    assert first.metadata.tags == ["parameters"]
    assert {"DATASET", "FIRST_DAY", "LAST_DAY"} <= {
        target.id for node in ast.walk(ast.parse(first.source)) if isinstance(node, ast.Assign)
        for target in node.targets if isinstance(target, ast.Name)
    }  # fmt: skip
    assert not any("tags" in cell.metadata for cell in others)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_in_our_kernel_and_leaves_the_logic_to_modules(path: Path) -> None:
    assert nbformat.read(path, as_version=4).metadata.kernelspec.name == KERNEL
    _, *cells = code_cells(path)
    for cell in cells:
        parsed = ast.parse(cell.source)
        assert not [node for node in ast.walk(parsed) if isinstance(node, BEYOND_A_NOTEBOOK)], cell.source
        statements = [node for node in parsed.body if not isinstance(node, ast.Import | ast.ImportFrom)]
        assert len(statements) <= 9, cell.source
