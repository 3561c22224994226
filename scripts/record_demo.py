"""Run the demo on a stack of its own and keep what it prints as docs/demo.svg, the picture in the README."""

from __future__ import annotations

import tempfile
from pathlib import Path

from rich.console import Console

from courant.demo import run_demo
from courant.settings import PROJECT_ROOT, load_settings

WIDTH = 112


def main() -> None:
    """Record one run."""
    console = Console(record=True, width=WIDTH, force_terminal=False)  # no spinner in the picture
    with tempfile.TemporaryDirectory() as home:
        run_demo(load_settings(home=Path(home)), file=None, dataset=None, console=console)
    console.save_svg(str(PROJECT_ROOT / "docs" / "demo.svg"), title="make demo")


if __name__ == "__main__":
    main()
