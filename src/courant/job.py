"""What every job's main does the same way: its log, and one clear error with an exit code."""

from __future__ import annotations

import logging
import os
import sys
import traceback

from courant.errors import CourantError


def start_logging() -> None:
    """Log to stderr, one line an event, UTC."""
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(message)s",
        datefmt="%H:%M:%S",
    )
    logging.getLogger("alembic").setLevel(logging.WARNING)
    for tracing in (
        "py4j",
        "SQLQueryContextLogger",
    ):  # they print whole traces of errors that we report ourselves
        logging.getLogger(tracing).setLevel(logging.CRITICAL)


def report_failure(error: CourantError) -> int:
    """Say what went wrong and what to do; give the exit code."""
    if os.environ.get("COURANT_DEBUG"):
        traceback.print_exception(error)
    sys.stderr.write(f"Error: {error}\n")
    return error.exit_code
