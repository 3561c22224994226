"""The real ingest with a clock at each step of its micro-batches; what it has seen goes to the file BENCH_STEPS names.

spark-submit … timed_ingest.py --dataset NAME
"""

from __future__ import annotations

import json
import os
import runpy
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pyspark.sql.classic.dataframe import DataFrame
from pyspark.sql.streaming.query import StreamingQuery

from courant.ingest import application
from courant.ingest.watch import TopicWatch
from courant.stores.delta_bronze import BronzeSink
from courant.stores.mysql.sink import MySQLSink

JOB = Path(__file__).resolve().parents[1] / "jobs" / "streaming" / "ingest_readings.py"
_WRITE_EVERY_S = 4.0

#: Query -> step -> (Unix time at its end, ms) of each batch. Spark's own steps come from its progress reports.
STEPS: dict[str, dict[str, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
QUERIES: list[StreamingQuery] = []


def clock(kind: type, method: str, query: str, step: str) -> None:
    """Replace a method by itself with a clock."""
    original = getattr(kind, method)

    def timed(*arguments: Any, **named: Any) -> Any:
        began = time.monotonic()
        try:
            return original(*arguments, **named)
        finally:
            STEPS[query][step].append((time.time(), (time.monotonic() - began) * 1000))

    setattr(kind, method, timed)


def keep_queries(start: Callable[..., StreamingQuery]) -> Callable[..., StreamingQuery]:
    """Wrap what starts a query, so that its progress can be asked for."""

    def started(*arguments: Any, **named: Any) -> StreamingQuery:
        QUERIES.append(start(*arguments, **named))
        return QUERIES[-1]

    return started


def write_for_ever(path: Path) -> None:
    """Add what Spark reports of its last batches, and write all of it, every few seconds."""
    seen: set[tuple[str, int]] = set()
    while True:
        time.sleep(_WRITE_EVERY_S)
        for query in QUERIES:
            for report in query.recentProgress:
                place = (report.name, report.batchId)
                if report.numInputRows and place not in seen:
                    seen.add(place)
                    steps = STEPS[report.name.rpartition("-")[2]]
                    for step, ms in {**report.durationMs, "rows": report.numInputRows}.items():
                        steps[f"spark.{step}"].append((time.time(), ms))
        part = path.with_suffix(".part")
        part.write_text(json.dumps(STEPS))
        part.replace(path)


def main() -> None:
    """Place the clocks, then run the job as spark-submit would."""
    clock(DataFrame, "toArrow", "mysql", "job")
    clock(TopicWatch, "check", "mysql", "watch")
    clock(MySQLSink, "write", "mysql", "transaction")
    clock(MySQLSink, "_load_facts", "mysql", "load")
    clock(MySQLSink, "_commit", "mysql", "commit")
    clock(BronzeSink, "write", "bronze", "write")
    clock(BronzeSink, "_write_files", "bronze", "files")
    clock(BronzeSink, "_commit", "bronze", "commit")
    application._stream = keep_queries(application._stream)
    threading.Thread(target=write_for_ever, args=(Path(os.environ["BENCH_STEPS"]),), daemon=True).start()
    runpy.run_path(str(JOB), run_name="__main__")


if __name__ == "__main__":
    main()
