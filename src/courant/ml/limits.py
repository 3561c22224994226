"""What a limit of cores and memory means to each engine, said in the environment of its process."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from courant.errors import SettingsError
from courant.settings import PROJECT_ROOT

HEAP_SHARE = 0.7  # of Spark's memory; the rest is the JVM's own, the Python driver's and the Python workers'
_BLAS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_CONF = PROJECT_ROOT / "conf"
# A parent that is a Spark driver itself would lend its JVM to the child.
_NOT_INHERITED = ("PYSPARK_GATEWAY_PORT", "PYSPARK_GATEWAY_SECRET")


def chosen_cores(cores: int) -> list[int]:
    """Choose the first cores of those that this process may use.

    Raises
    ------
    SettingsError
        If there are fewer.
    """
    usable = sorted(os.sched_getaffinity(0))
    if not 1 <= cores <= len(usable):
        raise SettingsError(
            f"{cores} cores were asked for, and this process may use {len(usable)}",
            remedy=f"ask for 1 to {len(usable)}",
        )
    return usable[:cores]


def limited_environment(engine: str, *, cores: int, memory_limit_mb: int, scratch: Path) -> dict[str, str]:
    """Give the variables of a process in which the engine uses so many threads and, if it has a heap, its share.

    Dask has a thread a block, each with a BLAS of one thread, as its manual advises; the others leave all to BLAS,
    OpenMP or Spark.
    """
    inherited = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}
    return inherited | dict.fromkeys(_BLAS, "1" if engine == "dask" else str(cores)) | {
        "DASK_SCHEDULER": "threads",
        "DASK_NUM_WORKERS": str(cores),
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_SUBMIT_ARGS": _submit_arguments(cores, int(HEAP_SHARE * memory_limit_mb)),
        "SPARK_CONF_DIR": str(_CONF),  # how Spark logs
        "SPARK_LOCAL_DIRS": str(scratch),
        "TMPDIR": str(scratch),
    }  # fmt: skip


def _submit_arguments(cores: int, heap_mb: int) -> str:
    properties = _CONF / "spark-measure.conf"
    return (
        f"--master local[{cores}] --driver-memory {heap_mb}m --properties-file '{properties}' pyspark-shell"
    )
