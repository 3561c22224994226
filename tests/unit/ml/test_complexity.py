from __future__ import annotations

from pathlib import Path

from courant.ml.complexity import Complexity, complexity

SOURCE = '''"""Says what it is."""

def sign(number):
    # why
    if number < 0:
        return -1
    return 1

class Counter:
    def count(self):
        return 0
'''


def test_paths_are_counted_in_functions_and_methods(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text(SOURCE)

    assert complexity(tmp_path / "code.py") == Complexity(lines=11, source_lines=7, cyclomatic=2 + 1)
