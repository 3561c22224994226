"""Until SIGTERM or Ctrl-C: both only set an event, so that what runs ends between two pieces of work."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """Give an event that SIGTERM and Ctrl-C set; afterwards they do again what they did before."""
    stop = threading.Event()

    def handle(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    is_main = threading.current_thread() is threading.main_thread()
    before = {n: signal.signal(n, handle) for n in (signal.SIGTERM, signal.SIGINT)} if is_main else {}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
