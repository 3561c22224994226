"""Run records: what each batch job did last, one JSON file per job and data set in the lake."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

_FOLDER = "_runs"


@dataclass(frozen=True, slots=True)
class RunRecord:
    """The last run of a job, for one data set or for none in particular."""

    job: str  # name of its entry point, such as build_silver
    dataset: str | None
    finished_at: datetime  # UTC
    seconds: float  # of the whole job, whatever number of data sets it was for
    exit_code: int
    error: str = ""  # the job's own line, where it failed
    document: dict[str, Any] = field(default_factory=dict)  # of a list, its length

    @property
    def ok(self) -> bool:
        """Whether it ended well; for one of several data sets, what the document says of that one."""
        return bool(self.document.get("ok", self.exit_code == 0))


def record_run(lake: Path, run: RunRecord) -> Path:
    """Keep a run in the place of the job's earlier one, whole or not at all; give the file."""
    path = lake / _FOLDER / (".".join(filter(None, (run.job, run.dataset))) + ".json")
    path.parent.mkdir(parents=True, exist_ok=True)
    values = asdict(run) | {
        "finished_at": run.finished_at.isoformat(timespec="seconds"),
        "seconds": round(run.seconds, 2),
        "document": _small(run.document),
    }
    scratch = path.with_name(f"{path.name}.{uuid4().hex}.new")
    scratch.write_text(json.dumps(values, indent=1), encoding="utf-8")
    scratch.replace(path)
    return path


def read_runs(lake: Path) -> dict[tuple[str, str | None], RunRecord]:
    """Give the last runs by job and data set; a file that is no run record is passed over."""
    found = (_read(path) for path in sorted((lake / _FOLDER).glob("*.json")))
    return {(run.job, run.dataset): run for run in found if run}


def _read(path: Path) -> RunRecord | None:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return RunRecord(**values | {"finished_at": datetime.fromisoformat(values["finished_at"])})
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None


def _small(value: Any) -> Any:  # noqa: ANN401 - any value of JSON
    if isinstance(value, list):
        return len(value)
    if isinstance(value, dict):
        return {name: _small(part) for name, part in value.items()}
    return value
