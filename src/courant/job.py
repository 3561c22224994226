"""What every job's main does the same way: its log, and one clear error with an exit code."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Callable

from courant.errors import CourantError

# They print whole traces of errors that we report ourselves.
_TRACING = ("py4j", "SQLQueryContextLogger", "DataFrameQueryContextLogger")


def run_main(work: Callable[[], int]) -> int:
    """Run a job's work; give its exit code, or the one of the error that ended it."""
    _start_logging()
    try:
        return work()
    except CourantError as error:
        _explain(error, str(error))
        return error.exit_code
    except Exception as error:
        first_line = str(error).splitlines()[0] if str(error) else ""
        _explain(
            error,
            f"{type(error).__name__}: {first_line}\n  What to do: COURANT_DEBUG=1 shows where it comes from",
        )
        return CourantError.exit_code


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
