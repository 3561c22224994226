"""A batch goes into its store while Spark makes the next one: neither waits for the other, and none overtakes."""

from __future__ import annotations

import threading
from collections.abc import Callable


class WriteBehind:
    """Writes one batch at a time, in a thread of its own.

    Spark takes a batch for done before it is. It may: where to read on after a failure is asked of the store.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.failure: BaseException | None = None
        self._thread: threading.Thread | None = None

    @property
    def is_idle(self) -> bool:
        """Whether no batch is being written."""
        return self._thread is None or not self._thread.is_alive()

    def submit(self, write: Callable[[], None]) -> None:
        """Begin to write a batch as soon as the one before is done; raise what made that one fail."""
        self.wait()
        if self.failure is not None:
            raise self.failure
        self._thread = threading.Thread(target=self._run, args=(write,), name=self.name, daemon=True)
        self._thread.start()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the batch that is being written; tell whether it has come to its end."""
        if self._thread is not None:
            self._thread.join(seconds)
        return self.is_idle

    def _run(self, write: Callable[[], None]) -> None:
        try:
            write()
        except BaseException as error:
            self.failure = error
