"""When what runs: the cache every few minutes, upkeep, models and the proof once a day; one run at a time."""

from __future__ import annotations

from collections.abc import Callable

import dagster as dg

from courant.domain.calendar import PARIS
from courant.settings import Settings
from courant.steps import CACHE, DRIFT, MODEL, UPKEEP

_ONE_BY_ONE = dg.in_process_executor  # the steps of a run share two cores as it is
_GOING = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]

cache = dg.define_asset_job(
    "cache",
    dg.AssetSelection.assets(*(step.name for step in CACHE)).without_checks(),
    description="Silver, gold and the documents, brought up to bronze.",
    executor_def=_ONE_BY_ONE,
)
daily = dg.define_asset_job(
    "daily",
    dg.AssetSelection.assets(UPKEEP.name, DRIFT.name, MODEL.name).without_checks()
    | dg.AssetSelection.checks_for_assets(CACHE[-1].name),
    description="Upkeep of the lake's tables, drift, the daily model, and the proof that all layers agree.",
    executor_def=_ONE_BY_ONE,
)


def schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """Give both schedules, by the clock in Paris; each runs as soon as a daemon does."""
    hour, minute = map(int, settings.schedule.daily_at.split(":"))
    return [
        _schedule("cache", cache, _every(settings.schedule.cache_minutes), [cache.name, daily.name]),
        _schedule("daily", daily, f"{minute} {hour} * * *", [daily.name]),
    ]


def _every(minutes: int) -> str:
    return "0 * * * *" if minutes == 60 else f"*/{minutes} * * * *"


def _schedule(
    name: str, job: dg.UnresolvedAssetJobDefinition, cron: str, waits_for: list[str]
) -> dg.ScheduleDefinition:
    return dg.ScheduleDefinition(
        name=f"{name}_schedule",
        job=job,
        cron_schedule=cron,
        execution_timezone=PARIS.key,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        execution_fn=_unless_going(waits_for),
    )


def _unless_going(jobs: list[str]) -> Callable[[dg.ScheduleEvaluationContext], dg.RunRequest | dg.SkipReason]:
    """Skip a tick while a run of these jobs waits or goes on, so that none pile up."""

    def decide(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        going = context.instance.get_runs(dg.RunsFilter(statuses=_GOING))
        for run in going:
            if run.job_name in jobs:
                return dg.SkipReason(
                    f"run {run.run_id} of {run.job_name} is still {run.status.value.lower()}"
                )
        return dg.RunRequest()

    return decide
