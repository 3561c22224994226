"""The written comparison of the engines: a document and its plots, made from MLflow's runs alone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

from courant.batch.compare_engines import ENGINES
from courant.batch.record_runs import DAY, ENGINE, costs_of, errors_by_date
from courant.batch.train_models import RECIPE
from courant.errors import NotEnoughDataError
from courant.ml.engine_choice import COST as _COLD
from courant.ml.engine_choice import RULE, least
from courant.ml.figures import cost_by_rows, error_by_training_date
from courant.ml.measured_work import KMEANS, RIDGE
from courant.ml.parity import (
    ASSIGNMENTS_TOLERANCE,
    COEFFICIENTS_TOLERANCE,
    INERTIA_TOLERANCE,
    RMSE_TOLERANCE,
)
from courant.registry.tracking import TrackedRun, Tracker
from courant.settings import Settings

_FIT, _MEMORY = "fit_wall_s", "peak_pss_mb"
_TITLES = {RIDGE: "Ridge", KMEANS: "K-means of daily load curves"}
_CODE = {"lines": "lines", "source_lines": "source lines", "cyclomatic": "cyclomatic complexity"}
_COSTS = {
    "session_wall_s": "session s", "load_wall_s": "load s", "fit_cold_wall_s": "first fit s", _COLD: "all of it s",
    _FIT: "warm fit s", "fit_cpu_s": "its CPU s", "predict_wall_s": "predict s", _MEMORY: "peak MB",
    "jvm_heap_max_mb": "JVM heap MB",
}  # fmt: skip


@dataclass(frozen=True)
class _Measured:
    """A run of an engine, read."""

    work: str
    engine: str
    dataset: str
    rows: int
    cores: int
    failure: str
    run: TrackedRun

    @classmethod
    def of(cls, run: TrackedRun) -> _Measured:
        tags, params = run.tags, run.params
        rows, cores = int(params["rows"]), int(params["cores"])
        return cls(tags["work"], tags["engine"], tags["dataset"], rows, cores, tags["failure"], run)

    def cost(self, metric: str) -> float:
        """Give a metric; endless where the engine did not get that far."""
        return self.run.metrics.get(metric, math.inf)

    def shown(self, metric: str, form: str) -> str:
        """Write a metric; nothing where the engine did not get that far."""
        return format(self.run.metrics[metric], form) if metric in self.run.metrics else ""


def write_report(settings: Settings, datasets: Sequence[str], path: Path, *, about: str = "") -> int:
    """Write the document, and its plots into a folder of the same name beside it; give how many plots.

    Parameters
    ----------
    datasets
        The engines are those of the first that has a comparison; the accuracy is that of all.
    about
        Said of the data at the beginning.

    Raises
    ------
    NotEnoughDataError
        If no comparison was run.
    """
    trackers = {name: Tracker(settings, name) for name in datasets}
    compared = {name: _newest(_of_all_data(tracker)) for name, tracker in trackers.items()}
    dataset = next((name for name, measured in compared.items() if _of_the_day(measured)), None)
    if dataset is None:
        raise NotEnoughDataError(
            f"No comparison in which an engine ended the ridge is on record for {', '.join(datasets)}",
            remedy="run `courant ml --scales 1,4,16` first",
        )
    measured = compared[dataset]
    plots = _plots(measured, trackers[dataset].runs(RECIPE))
    folder = path.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    with rc_context({"svg.hashsalt": "courant"}):  # the same runs give the same bytes
        for name, figure in plots.items():
            figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
    parts = [
        *_opening(dataset, measured, about),
        *[part for work in _works(measured) for part in _of_work(work, measured, folder.name)],
        *_of_code(measured),
        "## Accuracy",
        "The ways to forecast, judged on the last four weeks, each day forecast at its midnight.",
        *[part for name, tracker in trackers.items() for part in _accuracy(name, tracker)],
        f"![MAPE by the last day that was learnt from]({folder.name}/error_by_training_date.svg)",
    ]
    path.write_text("\n\n".join(part for part in parts if part) + "\n", encoding="utf-8")
    return len(plots)


def _of_all_data(tracker: Tracker) -> list[TrackedRun]:
    """Give the engines' runs on the data of the day that knew most; earlier ones had fewer rows."""
    engines = tracker.runs(ENGINE)
    parents = {run.parent for run in engines}
    days = [day for day in tracker.runs(DAY) if day.run_id in parents]
    latest = _latest(days)
    same = {
        day.run_id for day in days if latest and day.params["fingerprint"] == latest.params["fingerprint"]
    }
    return [run for run in engines if run.parent in same]


def _latest(days: Sequence[TrackedRun]) -> TrackedRun | None:
    return max(days, key=lambda day: (day.params["learnt_until"], day.began), default=None)


def _newest(runs: Iterable[TrackedRun]) -> list[_Measured]:
    """Keep the newest run of each engine, work, size and number of cores, the smallest first."""
    found: dict[tuple[Any, ...], _Measured] = {}
    for one in map(_Measured.of, runs):
        found.setdefault((one.work, one.rows, one.cores, [*ENGINES, one.engine].index(one.engine)), one)
    return [found[key] for key in sorted(found)]


def _works(measured: Sequence[_Measured]) -> list[str]:
    return [work for work in _TITLES if any(one.work == work for one in measured)]


def _plots(measured: Sequence[_Measured], recipes: Sequence[TrackedRun]) -> dict[str, Figure]:
    plots = {}
    for work in _works(measured):
        done = [one for one in measured if one.work == work and not one.failure]
        cores = max((one.cores for one in done), default=0)
        chosen = [(one.engine, float(one.rows), one.run.metrics) for one in done if one.cores == cores]
        if chosen:
            plots[f"cost_{work}"] = cost_by_rows(costs_of(chosen))
    plots["error_by_training_date"] = error_by_training_date(errors_by_date(recipes))
    return plots


def _opening(dataset: str, measured: Sequence[_Measured], about: str) -> list[str]:
    limits = sorted({int(one.run.params["memory_limit_mb"]) for one in measured})
    return [
        "# Three engines, one model",
        f"Written by `make ml-report` from the runs of `make ml` on `{dataset}`; not edited by hand.\n"
        f"Measured on {measured[0].run.params['machine']}. Each engine, with all its processes, may use"
        f" {' or '.join(f'{limit:,}' for limit in limits)} MB.",
        about,
        "## The rule",
        RULE,
        "## The choice",
        _choice(dataset, measured),
    ]


def _of_the_day(measured: Sequence[_Measured]) -> list[_Measured]:
    """Give the engines that ended the ridge on the day's own rows, with the most cores."""
    ridge = [one for one in measured if one.work == RIDGE]
    size = min(((one.rows, -one.cores) for one in ridge), default=None)
    return [one for one in ridge if (one.rows, -one.cores) == size and not one.failure]


def _choice(dataset: str, measured: Sequence[_Measured]) -> str:
    done = _of_the_day(measured)
    costs = {one.engine: one.cost(_COLD) for one in done}
    told = ", ".join(
        f"{engine} {costs[engine]:.1f} s" for engine in sorted(costs, key=lambda name: costs[name])
    )
    return (
        f"**{least(costs)}**: the ridge on the {done[0].rows:,} rows of `{dataset}`, on {done[0].cores} cores, takes"
        f" from nothing: {told}."
    )


def _of_work(work: str, measured: Sequence[_Measured], folder: str) -> list[str]:
    chosen = [one for one in measured if one.work == work]
    return [
        f"## {_TITLES[work]}",
        _ridge_parity(chosen) if work == RIDGE else _segments_parity(chosen),
        _table(("rows", "cores", "engine", *_COSTS.values()), [_costs(one) for one in chosen]),
        "A MB is 2²⁰ bytes; memory is the proportional set size of the process and all its descendants, sampled.\n"
        "Warm is the median of the fits after the first.",
        f"![Time and memory against rows]({folder}/cost_{work}.svg)",
        _scaling(chosen),
    ]


def _ridge_parity(measured: Sequence[_Measured]) -> str:
    rmse, coefficients = _spread(measured, "rmse_spread"), _spread(measured, "coefficients_spread")
    return (
        f"Between engines, at any size, RMSE differs by at most {rmse:.4%} (allowed: {RMSE_TOLERANCE:.1%}),"
        f" coefficients by {coefficients:.4%}\n(allowed: {COEFFICIENTS_TOLERANCE:.0%}). Without parity no time is kept."
    )


def _segments_parity(measured: Sequence[_Measured]) -> str:
    inertia, moved = _spread(measured, "inertia_spread"), _spread(measured, "assignments_spread")
    return (
        f"The curves are those of `{measured[0].dataset}`. Inertia differs by at most {inertia:.4%} (allowed:"
        f" {INERTIA_TOLERANCE:.1%});\n{moved:.4%} of the days are in another segment (allowed:"
        f" {ASSIGNMENTS_TOLERANCE:.1%})."
    )


def _spread(measured: Sequence[_Measured], metric: str) -> float:
    return max(one.run.metrics.get(metric, 0.0) for one in measured)


def _costs(one: _Measured) -> list[str]:
    head = [f"{one.rows:,}", str(one.cores), one.engine]
    if one.failure:
        return [*head, one.failure, *[""] * (len(_COSTS) - 1)]
    return [*head, *[one.shown(metric, ",.0f" if metric.endswith("_mb") else ".2f") for metric in _COSTS]]


def _scaling(measured: Sequence[_Measured]) -> str:
    """Say by how much each engine's warm fit grows with rows, and shrinks with cores."""
    lines = []
    for engine in ENGINES:
        fits = {(one.rows, one.cores): one.cost(_FIT) for one in measured if one.engine == engine}
        done = {key: cost for key, cost in fits.items() if cost < math.inf}
        if not done:
            continue
        cores = max(cores for _, cores in done)
        sizes = sorted(rows for rows, used in done if used == cores)
        first, last = sizes[0], sizes[-1]
        if last > first:
            times = done[last, cores] / done[first, cores]
            lines.append(f"{engine}: {last / first:.0f} times the rows take {times:.1f} times the warm fit")
        if cores > 1 and (last, 1) in done:
            times = done[last, 1] / done[last, cores]
            lines.append(f"{engine}: {cores} cores fit {last:,} rows {times:.2f} times as fast as one")
    return "\n".join(f"- {line}." for line in lines)


def _of_code(measured: Sequence[_Measured]) -> list[str]:
    return [
        "## Code",
        "Of each engine's file in `src/courant/ml/engines/`, counted by radon.",
        _code(measured),
        "## When to choose which",
        _advice(measured),
    ]


def _code(measured: Sequence[_Measured]) -> str:
    newest = {one.engine: one for one in measured}
    rows = [
        [name, *[newest[name].shown(metric, ".0f") for metric in _CODE]] for name in ENGINES if name in newest
    ]
    return _table(("engine", *_CODE.values()), rows)


def _advice(measured: Sequence[_Measured]) -> str:
    """Name the engine that was first at each size, and those that failed."""
    lines = []
    for work, rows in dict.fromkeys((one.work, one.rows) for one in measured):
        tried = [one for one in measured if (one.work, one.rows) == (work, rows)]
        done = [one for one in tried if not one.failure]
        failed = sorted({one.engine for one in tried if one.failure})
        first = [_least(done, metric) for metric in (_COLD, _FIT, _MEMORY)]
        lines.append([_TITLES[work], f"{rows:,}", *first, ", ".join(failed) or "none"])
    head = (
        "work",
        "rows",
        "first from nothing",
        "first when warm",
        "least memory",
        "failed within the limit",
    )
    return _table(head, lines)


def _least(measured: Sequence[_Measured], metric: str) -> str:
    return min(measured, key=lambda one: one.cost(metric)).engine if measured else "none"


def _accuracy(dataset: str, tracker: Tracker) -> list[str]:
    """Give how the recipes of the newest day did, if there was one."""
    day = _latest(tracker.runs(DAY))
    if day is None:
        return []
    recipes = [run for run in tracker.runs(RECIPE) if run.parent == day.run_id]
    ranked = sorted(recipes, key=lambda run: run.metrics["mape"])
    rows = [[run.tags["recipe"], _percent(run, "mape"), _percent(run, "mape_known")] for run in ranked]
    return [
        f"`{dataset}`: {day.params['series']} series, {day.params['days']} days up to {day.params['learnt_until']};"
        f" the champion is `{day.params['champion']}`.",
        _table(("model", "MAPE %, weather of the day unknown", "MAPE %, weather known"), rows),
    ]


def _percent(run: TrackedRun, metric: str) -> str:
    return f"{run.metrics[metric]:.2f}" if metric in run.metrics else ""


def _table(head: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    head = list(head)
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *rows))
