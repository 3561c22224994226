"""One engine at one work, as the process that `measure` starts: python -m courant.ml.measured_work TASK.

Writes a line of JSON for each beginning and end of a phase to stdout, and what was learned to a file. It ends, with all
its descendants, as soon as its stdin does.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from courant.ml.process_tree import MB, own_cpu_s

SESSION, LOAD, LOAD_HELD_OUT = "session", "load", "load_held_out"
FIT_COLD, FIT, PREDICT_COLD, PREDICT = "fit_cold", "fit", "predict_cold", "predict"
RIDGE, KMEANS = "ridge", "kmeans"


@dataclass(frozen=True)
class Task:
    """What the command line asks for."""

    engine: str  # sklearn, dask or spark
    work: str  # ridge or kmeans
    rows: str  # the file to learn from
    held_out: str  # the file to predict
    answer: str  # the .npz that gets `learned` and `predicted`
    cores: list[int]  # numbers of those that it may use
    warm_runs: int  # after the first fit, and after the first prediction
    l2: float = 0.0  # of a ridge
    centres: list[list[float]] | None = None  # of k-means, to start from


class PhaseLog:
    """Tells when phases begin and end, by the clock that all processes of a machine share."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, **values: str | float) -> None:
        """Write a line."""
        self._stream.write(json.dumps(values) + "\n")
        self._stream.flush()

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time the body."""
        cpu_s = own_cpu_s()
        self.write(begin=name, at=time.monotonic())
        yield
        self.end(name, cpu_s)

    def end(self, name: str, cpu_before_s: float) -> None:
        """End a phase before whose beginning so much had been used."""
        at = time.monotonic()
        self.write(end=name, at=at, cpu_s=own_cpu_s() - cpu_before_s)


def main() -> None:
    """Limit the cores before any library counts them, then work."""
    task = Task(**json.loads(sys.argv[1]))
    os.sched_setaffinity(0, task.cores)
    _end_with_parent()
    work(task, PhaseLog(_private_stdout()))


def work(task: Task, log: PhaseLog) -> None:
    """Go through all phases; the session began with the process itself."""
    make_ridge, make_kmeans = models(task.engine)
    log.end(SESSION, 0.0)
    if task.engine == "spark":
        log.write(jvm_heap_max_mb=_jvm_heap_max_mb())
    engine = make_ridge(l2=task.l2) if task.work == RIDGE else make_kmeans()
    with log.phase(LOAD):
        rows = engine.load(Path(task.rows))
    with log.phase(LOAD_HELD_OUT):
        held_out = engine.load(Path(task.held_out))
    _repeat(log, FIT_COLD, FIT, task.warm_runs, partial(engine.fit, rows, *_start(task)))
    predicted = _repeat(log, PREDICT_COLD, PREDICT, task.warm_runs, partial(engine.predict, held_out))
    _save(task, engine.coefficients if task.work == RIDGE else engine.centres, predicted)


def models(engine: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Import an engine, start what it needs, and give how to make its ridge and its k-means."""
    if engine == "sklearn":
        from courant.ml.engines.sklearn import SklearnKMeans, SklearnRidge

        return SklearnRidge, SklearnKMeans
    if engine == "dask":
        from courant.ml.engines.dask import DaskKMeans, DaskRidge

        return DaskRidge, DaskKMeans
    from pyspark.sql import SparkSession

    from courant.ml.engines.spark import SparkKMeans, SparkRidge

    session = SparkSession.builder.appName("measured work").getOrCreate()
    return partial(SparkRidge, session), partial(SparkKMeans, session)


def _repeat(log: PhaseLog, cold: str, warm: str, warm_runs: int, act: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever is repeated
    with log.phase(cold):
        result = act()
    for _ in range(warm_runs):
        with log.phase(warm):
            result = act()
    return result


def _start(task: Task) -> tuple[Any, ...]:
    import numpy as np

    return () if task.centres is None else (np.array(task.centres),)


def _save(task: Task, learned: Any, predicted: Any) -> None:  # noqa: ANN401 - numpy is not imported yet
    import numpy as np

    np.savez(task.answer, learned=learned, predicted=predicted)


def _jvm_heap_max_mb() -> float:
    from pyspark.sql import SparkSession

    jvm = SparkSession.active().sparkContext._jvm
    return float(jvm.java.lang.Runtime.getRuntime().maxMemory()) / MB  # type: ignore[union-attr]


def _end_with_parent() -> None:
    """Kill our own group when the parent, however it ended, lets go of the other end of stdin."""

    def wait() -> None:
        while os.read(0, 1):
            pass
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


def _private_stdout() -> TextIO:
    """Keep stdout for phases alone: whatever an engine prints goes to stderr."""
    kept = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return kept


if __name__ == "__main__":
    main()
