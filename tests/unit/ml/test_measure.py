"""Real processes with small work; Spark's is started once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
from waiting import wait_until

from courant.errors import JobError, ParityError, SettingsError
from courant.ml.measure import KMeansWork, Measured, RidgeWork, measure, measured_parity, metrics
from courant.ml.row_files import write_rows

PHASES = {"session", "load", "load_held_out", "fit_cold", "fit", "predict_cold", "predict"}
L2 = 0.05


@pytest.fixture(scope="module")
def ridge(tmp_path_factory: pytest.TempPathFactory) -> RidgeWork:
    """Give 900 rows of 6 columns to learn from and 100 to predict."""
    folder, random = tmp_path_factory.mktemp("ridge"), np.random.default_rng(20260105)
    x = random.normal(size=(1_000, 6))
    y = x @ np.linspace(-1, 1, 6) + random.normal(size=1_000)
    write_rows(folder / "rows.parquet", x[:900], y[:900], group_rows=300)
    write_rows(folder / "held_out.parquet", x[900:], y[900:])
    return RidgeWork(folder / "rows.parquet", folder / "held_out.parquet", l2=L2)


@pytest.fixture(scope="module")
def measured(ridge: RidgeWork) -> dict[str, Measured]:
    """Measure the ridge on every engine."""
    return {
        engine: measure(engine, ridge, cores=1, memory_limit_mb=2_000, warm_runs=2)
        for engine in ("sklearn", "dask", "spark")
    }


def test_every_engine_is_measured_in_every_phase(measured: dict[str, Measured]) -> None:
    for engine, one in measured.items():
        assert (one.engine, one.work, one.rows, one.columns) == (engine, "ridge", 900, 6)
        assert one.failure is None
        assert set(one.phases) == PHASES
        assert all(phase.wall_s > 0 for phase in one.phases.values())
        assert one.phases["session"].cpu_s > 0.1  # importing alone takes more
        assert 50 < one.phases["session"].peak_pss_mb <= one.peak_pss_mb < 2_000


def test_what_was_timed_is_one_problem_solved_alike(measured: dict[str, Measured]) -> None:
    found = measured_parity(list(measured.values()))

    assert set(found.rmse) == {"sklearn", "dask", "spark"}
    assert 0.8 < found.rmse["spark"] < 1.2  # the noise of the target
    assert found.coefficients_spread < 0.001


def test_a_jvm_gets_its_share_of_the_limit_and_counts_into_the_memory(measured: dict[str, Measured]) -> None:
    assert measured["sklearn"].jvm_heap_max_mb is None
    assert 1_200 < measured["spark"].jvm_heap_max_mb <= 1_400  # 0.7 · 2,000, less a survivor space
    assert measured["spark"].peak_pss_mb > measured["sklearn"].peak_pss_mb + 100


def test_metrics_have_the_names_that_runs_are_compared_by(measured: dict[str, Measured]) -> None:
    named = metrics(measured["spark"])

    assert set(named) == {
        "session_wall_s", "load_wall_s", "fit_cold_wall_s", "cold_total_wall_s", "fit_wall_s", "fit_cpu_s",
        "predict_wall_s", "peak_pss_mb", "jvm_heap_max_mb",
    }  # fmt: skip
    cold = named["session_wall_s"] + named["load_wall_s"] + named["fit_cold_wall_s"]
    assert named["cold_total_wall_s"] == pytest.approx(cold)


def test_engines_that_solve_different_problems_have_no_parity(ridge: RidgeWork) -> None:
    other = RidgeWork(ridge.rows, ridge.held_out, l2=10.0)
    found = [measure("sklearn", work, cores=1, memory_limit_mb=2_000, warm_runs=0) for work in (ridge, other)]
    one, another = found[0], Measured(**{**vars(found[1]), "engine": "another"})

    with pytest.raises(ParityError):
        measured_parity([one, another])


def test_curves_are_segmented_alike(tmp_path: Path) -> None:
    random = np.random.default_rng(7)
    x = np.concatenate([random.normal(loc=centre, scale=0.1, size=(50, 4)) for centre in (0, 5, 9)])
    write_rows(tmp_path / "x.parquet", x, group_rows=40)
    work = KMeansWork(tmp_path / "x.parquet", tmp_path / "x.parquet", centres=x[[0, 60, 120]])

    found = [measure(one, work, cores=1, memory_limit_mb=2_000, warm_runs=1) for one in ("sklearn", "dask")]

    assert measured_parity(found).assignments_spread == 0
    assert list(found[0].predicted) == [0] * 50 + [1] * 50 + [2] * 50
    assert found[0].figures["inertia"] == pytest.approx(150 * 4 * 0.1**2, rel=0.2)


def test_too_little_memory_is_a_result(ridge: RidgeWork) -> None:
    before = psutil.Process().children(recursive=True)

    found = measure("sklearn", ridge, cores=1, memory_limit_mb=30)

    assert found.failure == "needed more than 30 MB, in session"
    assert found.phases == {}
    assert set(metrics(found)) == {"peak_pss_mb"}
    assert found.peak_pss_mb > 30
    assert found.learned is None
    assert psutil.Process().children(recursive=True) == before


def test_another_end_is_an_error_with_the_reason(ridge: RidgeWork, tmp_path: Path) -> None:
    work = RidgeWork(ridge.rows, tmp_path / "missing.parquet", l2=L2)

    with pytest.raises(
        JobError, match=r"ridge on sklearn ended in load_held_out .*: FileNotFoundError"
    ) as error:
        measure("sklearn", work, cores=1, memory_limit_mb=2_000)
    assert error.value.exit_code == 1


def test_more_cores_than_there_are_cannot_be_measured(ridge: RidgeWork) -> None:
    with pytest.raises(SettingsError, match="1000 cores were asked for"):
        measure("sklearn", ridge, cores=1_000, memory_limit_mb=2_000)


@pytest.mark.parametrize("killed_by", [signal.SIGKILL, signal.SIGINT])
def test_nothing_outlives_the_parent(ridge: RidgeWork, killed_by: signal.Signals) -> None:
    code = (
        "from pathlib import Path; from courant.ml.measure import *\n"
        f"work = RidgeWork(Path({str(ridge.rows)!r}), Path({str(ridge.held_out)!r}), l2=1.0)\n"
        "measure('sklearn', work, cores=1, memory_limit_mb=2_000, warm_runs=1_000_000)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL) as parent:
        children = psutil.Process(parent.pid).children
        wait_until(lambda: bool(children()))
        [child] = children()
        wait_until(
            lambda: child.memory_info().rss > 60 << 20
        )  # it imports scikit-learn: it watches its stdin
        os.kill(parent.pid, killed_by)
        parent.wait()

    wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
