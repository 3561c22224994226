"""The steps that the schedule and the live run share: which jobs they are, and how one runs as a process."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from courant.domain.contract import load_contracts
from courant.errors import JobError, NotEnoughDataError
from courant.local.process import stop
from courant.settings import Settings
from courant.submit import (
    COMPARE_ENGINES,
    DETECT_DRIFT,
    GOLD,
    MAINTAIN,
    PUBLISH,
    RECONCILE,
    SILVER,
    start_job,
)

_PATIENCE_S = 20


@dataclass(frozen=True, slots=True)
class Step:
    """A batch job of the schedule."""

    name: str
    job: str
    of_datasets: bool = True  # whether it takes --dataset
    verdicts: tuple[int, ...] = (0,)  # exit codes that are an answer, not a failure
    excuses: tuple[int, ...] = ()  # exit codes that say that there is nothing to do yet
    options: tuple[str, ...] = ()
    properties: str = "spark-short.conf"


#: Each makes a layer from the one before it.
CACHE = (Step("silver", SILVER), Step("gold", GOLD), Step("aggregates", PUBLISH))
UPKEEP = Step("upkeep", MAINTAIN, of_datasets=False)
PROOF = Step("reconcile", RECONCILE, verdicts=(0, 1))
_TOO_FEW_DAYS = (NotEnoughDataError.exit_code,)
DRIFT = Step("drift", DETECT_DRIFT, excuses=_TOO_FEW_DAYS)
MODEL = Step("forecast", COMPARE_ENGINES, excuses=_TOO_FEW_DAYS, properties="spark-model.conf")
#: The same with less to measure and to judge, for whoever waits for it.
SMALL_MODEL = replace(MODEL, options=("--contenders", "quick", "--no-segments", "--warm-runs", "1"))
DAILY = (UPKEEP, DRIFT, MODEL, PROOF)


@dataclass(frozen=True, slots=True)
class Finished:
    """How a step ended."""

    exit_code: int
    document: dict[str, Any]  # what the job reports
    excuse: str = ""  # why it had nothing to do


@dataclass(frozen=True, slots=True)
class RunningStep:
    """A step on its way, in a session of its own; its output is in the log."""

    step: Step
    process: subprocess.Popen[bytes]
    out: Path
    log: Path

    def is_running(self) -> bool:
        """Tell whether the job still runs."""
        return self.process.poll() is None

    def finish(self) -> Finished:
        """Wait for the job's end; what interrupts the wait stops the job.

        Raises
        ------
        JobError
            If it ended with a code that is no verdict; the message has the job's own error line.
        """
        try:
            code = self.process.wait()
        except BaseException:
            self.stop()
            raise
        document = json.loads(self.out.read_text(encoding="utf-8")) if self.out.exists() else {}
        if code in self.step.excuses:
            return Finished(code, document, error_lines(self._said())[0])
        if code not in self.step.verdicts or not document:
            raise self._failure(code)
        return Finished(code, document)

    def stop(self) -> None:
        """End the job at once; the next run does again what it had not committed."""
        stop([self.process.pid], patience_s=_PATIENCE_S)
        self.process.wait()

    def _said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def _failure(self, code: int) -> JobError:
        said, remedy = error_lines(self._said())
        return JobError(
            f"{Path(self.step.job).stem} ended with exit code {code}: {said}",
            exit_code=code,
            remedy=remedy or f"read {self.log}",
        )


def start_step(settings: Settings, step: Step, datasets: list[str]) -> RunningStep:
    """Start a step for data sets; its log and its document replace those of its last run."""
    log = settings.home / "logs" / f"{Path(step.job).stem}.log"
    out = settings.home / "run" / f"{Path(step.job).stem}.document.json"
    for path in (log, out):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
    chosen = [word for name in datasets for word in ("--dataset", name)] if step.of_datasets else []
    with log.open("wb") as output:
        arguments = [*chosen, *step.options, "--out", str(out)]
        process = start_job(settings, step.job, arguments, properties=step.properties, log=output)
    return RunningStep(step, process, out, log)


def run_step(settings: Settings, step: Step, datasets: list[str] | None = None) -> Finished:
    """Run a step to its end, for all data sets that have a contract unless some are named.

    Raises
    ------
    JobError
        If the job failed.
    ContractError
        If a contract is malformed.
    """
    return start_step(settings, step, datasets or list(load_contracts(settings.contracts_dir))).finish()


def error_lines(log: str) -> tuple[str, str]:
    """Find what a job said went wrong, and its remedy; its last line, where it said nothing of the kind."""
    lines = [line for line in log.splitlines() if line.strip()]
    said = [number for number, line in enumerate(lines) if line.startswith("Error: ")]
    if not said:
        return (lines[-1] if lines else "it said nothing"), ""
    after = lines[said[-1] + 1 : said[-1] + 2]
    remedy = after[0].partition("What to do: ")[2] if after else ""
    return lines[said[-1]].removeprefix("Error: "), remedy
