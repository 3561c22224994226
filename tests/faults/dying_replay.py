"""The real replay of rejects, whose driver dies by SIGKILL after silver and before MySQL."""

from __future__ import annotations

import runpy
from pathlib import Path

from dying_ingest import dies_before, place

from courant.stores.mysql.late import LateSink

JOB = Path(__file__).resolve().parents[2] / "jobs" / "batch" / "replay_rejects.py"

if __name__ == "__main__":
    place(LateSink, "_attempt", dies_before, 1)
    runpy.run_path(str(JOB), run_name="__main__")
