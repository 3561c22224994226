"""What each server of the stack knows about itself; stack.py does the same with all of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Protocol


class NotReadyError(Exception):
    """The server does not answer yet."""


class Server(Protocol):
    """One server of the stack: how its data folder is made, how it starts, whether it answers."""

    @property
    def name(self) -> str:
        """Its name in settings, status and file names."""

    @property
    def port(self) -> int:
        """The port that clients use, on 127.0.0.1."""

    @property
    def argument(self) -> str:
        """One argument of its command that no process of another home has."""

    def prepare(self) -> None:
        """Make what it needs on disk before it starts; changes nothing at a later start."""

    def command(self) -> list[str]:
        """Give the command that starts it, without any password."""

    def check_answers(self) -> None:
        """Ask it a real request.

        Raises
        ------
        NotReadyError
            If it does not answer yet.
        AccessDeniedError
            If it refuses our account.
        """

    def make_ready(self) -> None:
        """Do what is needed once at each start, after it answers; idempotent."""


def make_folder(folder: Path, fill: Callable[[Path], None]) -> None:
    """Make a data folder whole or not at all: filled under another name, then renamed."""
    if folder.exists():
        return
    scratch = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    fill(scratch)
    scratch.rename(folder)


def folder_of(home: Path, name: str) -> Path:
    """Give a server's data folder."""
    return home / "data" / name


def log_of(home: Path, name: str) -> Path:
    """Give a server's log file."""
    return home / "logs" / f"{name}.log"


def record_of(home: Path, name: str) -> Path:
    """Give the file that keeps which process a server is."""
    return home / "run" / f"{name}.json"
