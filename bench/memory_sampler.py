"""The driver's memory at one moment: its JVM, its Python process, and the whole tree."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import ours
import psutil

from courant.settings import Settings

MIB = 2**20


@dataclass(frozen=True, slots=True)
class Look:
    """The process tree at one moment, in bytes."""

    at_s: float  # after the start
    rows: int  # committed in MySQL
    jvm: int  # resident
    python: int  # resident
    proportional: int  # PSS of all: memory that several share is counted once


def take_look(settings: Settings, ingest: ours.Ingest, at_s: float) -> Look:
    """Read the memory of all processes of a running ingest, and how many rows it has committed."""
    resident, proportional = {"jvm": 0, "python": 0}, 0
    for process in ingest.tree():
        with suppress(psutil.NoSuchProcess):
            memory = process.memory_full_info()
            resident["jvm" if "java" in process.name() else "python"] += memory.rss
            proportional += getattr(memory, "pss", memory.rss)  # PSS is Linux's
    return Look(at_s, ours.mysql_rows(settings), resident["jvm"], resident["python"], proportional)
