"""Every bench of docs/benchmarks.md, one after the other.

make bench    # or: python bench/run_all.py [--write [FILE]] [--runs N] [--mongo-uri mongodb://…]

A bench that fails does not keep the next from running; the last line names it.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from rich.console import Console

BENCHES = ("ingest", "latency", "steps", "memory", "growth", "batch", "cache", "alerts", "dashboard")
FOLDER = Path(__file__).resolve().parent
console = Console(highlight=False, soft_wrap=True)


def main() -> int:
    """Run them; 1 where one failed."""
    arguments = _arguments()
    failed = []
    for name in BENCHES:
        if missing := _missing(name, arguments):
            console.print(f"\n[bold]{name}[/] is left out: {missing}")
            continue
        console.print(f"\n[bold]{name}[/]")
        if subprocess.run(_command(name, arguments), check=False).returncode:
            failed.append(name)
    if failed:
        console.print(f"\nfailed: {', '.join(failed)}")
    return 1 if failed else 0


def _missing(name: str, arguments: argparse.Namespace) -> str:
    """Say what this bench lacks here; nothing if it can run."""
    if name == "cache" and not arguments.mongo_uri:
        return "the embedded stand-in's figures mean nothing; name a MongoDB with --mongo-uri"
    if name == "dashboard" and not (shutil.which("chromium") or shutil.which("google-chrome")):
        return "there is no chromium"
    return ""


def _command(name: str, arguments: argparse.Namespace) -> list[str]:
    command = [sys.executable, str(FOLDER / f"{name}.py")]
    if arguments.runs:
        command += ["--runs", str(arguments.runs)]
    if arguments.write is not None:
        command += ["--write", *([arguments.write] if arguments.write else [])]
    if name == "cache":
        command += ["--mongo-uri", arguments.mongo_uri]
    return command


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, help="of each bench; left out, its own default")
    parser.add_argument("--mongo-uri", help="the document server that the cache is measured on")
    parser.add_argument(
        "--write", nargs="?", const="", metavar="FILE", help="write docs/benchmarks.md, or a copy of it"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
