"""How much code an engine takes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from radon.complexity import cc_visit
from radon.raw import analyze
from radon.visitors import Function


@dataclass(frozen=True)
class Complexity:
    """Size and branching of a source file."""

    lines: int  # all of them
    source_lines: int  # without blank lines, comments and docstrings
    cyclomatic: int  # independent paths, summed over all functions and methods


def complexity(source: Path) -> Complexity:
    """Count in a file of Python."""
    code = source.read_text()
    counted = analyze(code)
    functions = [block for block in cc_visit(code) if isinstance(block, Function)]
    return Complexity(counted.loc, counted.sloc, sum(function.complexity for function in functions))
