"""What the daily model keeps in MLflow: a run a day, and below it one for each engine at each size and each recipe."""

from __future__ import annotations

import platform
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from statistics import fmean

from courant.batch.compare_engines import Comparison
from courant.batch.learning_data import LearningData
from courant.batch.train_models import RECIPE, Contest
from courant.ml import engines
from courant.ml.complexity import complexity
from courant.ml.figures import Points, cost_by_rows, error_by_hour, error_by_training_date
from courant.ml.measure import Measured, metrics
from courant.registry.tracking import OpenRun, TrackedRun
from courant.stores.mysql.forecasts import Row

DAY, ENGINE = "day", "engine"
#: The title of a panel, and the metric that it shows against the rows.
COSTS = {
    "one fit from nothing, s": "cold_total_wall_s",
    "warm fit, s": "fit_wall_s",
    "peak memory, MB": "peak_pss_mb",
}


def keep_comparison(day: OpenRun, comparison: Comparison) -> None:
    """Make a run of each engine."""
    for one in comparison.measured:
        tags = {
            "kind": ENGINE, "engine": one.engine, "work": comparison.work, "dataset": comparison.dataset,
            "failure": one.failure or "",
        }  # fmt: skip
        name = f"{one.engine} {comparison.work} x{comparison.scale} on {one.cores}"
        with day.below(name, tags=tags) as run:
            run.log(
                metrics={**metrics(one), **comparison.scores.get(one.engine, {}), **_code(one), **_spreads(comparison)},
                params={
                    "rows": one.rows, "columns": one.columns, "scale": comparison.scale, "cores": one.cores,
                    "memory_limit_mb": one.memory_limit_mb, "machine": machine(),
                },
            )  # fmt: skip


def keep_costs(day: OpenRun, comparisons: Sequence[Comparison]) -> None:
    """Draw time and memory against rows, with the most cores that were measured."""
    for work in dict.fromkeys(one.work for one in comparisons):
        of_work = [one for one in comparisons if one.work == work]
        cores = max(one.cores for one in of_work)
        measured = [
            each for one in of_work if one.cores == cores for each in one.measured if not each.failure
        ]
        if measured:
            points = [(each.engine, float(each.rows), metrics(each)) for each in measured]
            day.plot(f"cost_by_rows_{work}", cost_by_rows(costs_of(points)))


def keep_day(day: OpenRun, data: LearningData, contest: Contest, scored: Sequence[Row]) -> None:
    """Keep the champion's figures, how the last forecasts fared, and the plots."""
    champion = contest.champion
    known = contest.known.get(champion.recipe.name)
    happened = [row["mape_percent"] for row in scored if row["mape_percent"] is not None]
    day.log(
        metrics={
            **{f"backtest_{name}": value for name, value in champion.whole.scores().items()},
            **({"backtest_mape_known": known.mape} if known else {}),
            **({"last_forecasts_mape": fmean(happened)} if happened else {}),
        },
        params={
            "champion": champion.recipe.name, "series": len(data.series), "days": len(data.longest.documents),
            "learnt_until": data.longest.last_day, "fingerprint": data.fingerprint,
        },
    )  # fmt: skip
    day.plot("error_by_hour", error_by_hour({one.recipe.name: one.whole for one in contest.judged}))
    day.plot("error_by_training_date", error_by_training_date(errors_by_date(day.tracker.runs(RECIPE))))


def costs_of(measured: Sequence[tuple[str, float, Mapping[str, float]]]) -> dict[str, dict[str, Points]]:
    """Arrange engines, rows and metrics as `cost_by_rows` takes them."""
    found: dict[str, dict[str, list[tuple[float, float]]]] = {title: defaultdict(list) for title in COSTS}
    for engine, rows, named in sorted(measured, key=lambda one: one[1]):
        for title, metric in COSTS.items():
            if metric in named:
                found[title][engine].append((rows, named[metric]))
    return {title: dict(by_engine) for title, by_engine in found.items() if by_engine}


def errors_by_date(runs: Sequence[TrackedRun]) -> dict[str, list[tuple[date, float]]]:
    """Give each recipe's MAPE by the last day that it learnt from; of several runs, the newest's."""
    found: dict[str, dict[date, float]] = defaultdict(dict)
    for run in runs:
        found[run.tags["recipe"]].setdefault(
            date.fromisoformat(run.tags["learnt_until"]), run.metrics["mape"]
        )
    return {name: sorted(by_date.items()) for name, by_date in found.items()}


def machine() -> str:
    """Name what was measured on."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
    return f"{model or platform.machine()}, Python {platform.python_version()}"


def _code(measured: Measured) -> dict[str, float]:
    found = complexity(Path(engines.__path__[0]) / f"{measured.engine}.py")
    return {name: float(value) for name, value in asdict(found).items()}


def _spreads(comparison: Comparison) -> dict[str, float]:
    found = asdict(comparison.parity) if comparison.parity else {}
    return {name: value for name, value in found.items() if name.endswith("_spread")}
