"""What every job's main does the same way: its log, one clear error with an exit code, its document, its record."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from courant.errors import CourantError
from courant.settings import Settings, load_settings
from courant.stores.runs import RunRecord, record_run

log = logging.getLogger(__name__)

# They print whole traces of errors that we report ourselves.
_TRACING = ("py4j", "SQLQueryContextLogger", "DataFrameQueryContextLogger")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a batch job has to report."""

    document: dict[str, Any]  # plain values, for JSON
    exit_code: int = 0


Work = Callable[[argparse.Namespace, Settings], Outcome]


def run_batch(job: str, work: Work, arguments: argparse.Namespace) -> int:
    """Run a batch job, write its document to ``--out`` or standard output, and keep a record of the run.

    Parameters
    ----------
    job
        Name of the entry point; its records carry it.
    arguments
        With `out`, and `dataset` where the job is for chosen data sets.

    Returns
    -------
    The exit code of the outcome, or of the error that ended the job.
    """
    started, outcomes = time.monotonic(), [Outcome({})]

    def main() -> int:
        outcomes.append(work(arguments, load_settings()))
        _deliver(outcomes[-1].document, arguments)
        return outcomes[-1].exit_code

    code, error = _guarded(main)
    seconds, document = time.monotonic() - started, outcomes[-1].document
    run = RunRecord(job, None, datetime.now(UTC), seconds, code, error, document)
    _keep(run, list(dict.fromkeys(getattr(arguments, "dataset", None) or ())))
    return code


def run_main(work: Callable[[], int]) -> int:
    """Run a job's work; give its exit code, or the one of the error that ended it."""
    return _guarded(work)[0]


def _guarded(work: Callable[[], int]) -> tuple[int, str]:
    """Give the exit code, and the line that says what went wrong."""
    _start_logging()
    try:
        return work(), ""
    except CourantError as error:
        _explain(error, str(error))
        return error.exit_code, error.message
    except Exception as error:
        first_line = str(error).splitlines()[0] if str(error) else ""
        line = f"{type(error).__name__}: {first_line}"
        _explain(error, f"{line}\n  What to do: COURANT_DEBUG=1 shows where it comes from")
        return CourantError.exit_code, line


def _deliver(document: dict[str, Any], arguments: argparse.Namespace) -> None:
    text = json.dumps(document, indent=2)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(f"{text}\n")


def _keep(run: RunRecord, datasets: list[str]) -> None:
    """Record the run for each data set; work that is done stays done where it cannot be recorded."""
    parts = run.document.get("datasets", run.document)
    runs = [replace(run, dataset=name, document=parts.get(name, {})) for name in datasets] or [run]
    try:
        lake = load_settings().lake.root
        for one in runs:
            record_run(lake, one)
    except (OSError, CourantError) as error:
        log.warning("the run could not be recorded: %s", error)


def _start_logging() -> None:
    """Log to stderr, one line an event."""
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(message)s",
        datefmt="%H:%M:%S",
    )
    logging.getLogger("alembic").setLevel(logging.WARNING)
    for name in _TRACING:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _explain(error: BaseException, text: str) -> None:
    if os.environ.get("COURANT_DEBUG"):
        traceback.print_exception(error)
    sys.stderr.write(f"Error: {text}\n")
