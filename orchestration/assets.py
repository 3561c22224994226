"""A layer as an asset: made by its plain job, as a process, with what the job reports as metadata.

Dagster reads the annotations of an asset's function as they are, so they are not postponed here.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from courant.domain.contract import load_contracts
from courant.errors import JobError
from courant.layers.status import read_bronze
from courant.settings import load_settings
from courant.steps import CACHE, DRIFT, MODEL, PROOF, UPKEEP, Finished, Step, run_step

_COUNTS = ("produced", "bronze", "accepted", "rejected", "mysql", "missing", "doubled", "stale_days")


BRONZE = dg.AssetSpec(
    "bronze", group_name="lake", description="Every record, raw. The stream makes it (`courant ingest`)."
)


def observe_bronze() -> dg.AssetObservation:
    """Look at bronze, which no run makes: its rows, and how far it is behind the topic."""
    settings = load_settings()
    found = read_bronze(settings, load_contracts(settings.contracts_dir).values())
    rows = {f"{one.dataset}.rows": one.rows or 0 for one in found}
    lags = {f"{one.dataset}.lag": one.lag for one in found if one.lag is not None}
    return dg.AssetObservation(BRONZE.key, metadata=rows | lags)


def layer_assets() -> list[dg.AssetsDefinition]:
    """Make an asset of each step: the cache's in their order, the models behind the cache, the upkeep."""
    names = [BRONZE.key.to_user_string(), *(step.name for step in CACHE)]
    chain = [_asset(step, [before], "lake", "spark") for before, step in zip(names, CACHE, strict=False)]
    models = [_asset(step, [names[-1]], "models", "python") for step in (DRIFT, MODEL)]
    return [*chain, *models, _asset(UPKEEP, [], "upkeep", "deltalake")]


@dg.asset_check(
    asset=CACHE[-1].name,
    blocking=False,
    description="Kafka = bronze = MySQL and rejects; bronze = silver; silver = gold; gold = MongoDB.",
)
def reconcile() -> dg.AssetCheckResult:
    """Compare all layers; lag is not a difference."""
    finished = run(PROOF)
    return dg.AssetCheckResult(passed=finished.exit_code == 0, metadata=reconcile_metadata(finished.document))


def run(step: Step) -> Finished:
    """Run a step for all data sets.

    Raises
    ------
    dagster.Failure
        If its job failed, with the job's own error line and exit code. It is not tried again: the next tick does.
    """
    try:
        return run_step(load_settings(), step)
    except JobError as error:
        raise dg.Failure(
            description=str(error), metadata={"exit_code": error.exit_code}, allow_retries=False
        ) from error


def reconcile_metadata(document: Mapping[str, Any]) -> dict[str, Any]:
    """Give reconcile's counts by data set, the lag of each sink, and the whole document."""
    counts = {
        f"{name}.{count}": one[count] for name, one in document["datasets"].items() for count in _COUNTS
    }
    return counts | {"document": dg.MetadataValue.json(dict(document))}


def _asset(step: Step, before: list[str], group: str, kind: str) -> dg.AssetsDefinition:
    @dg.asset(
        name=step.name,
        deps=before,
        group_name=group,
        kinds={kind},
        description=f"`{step.job}`, as a process",
    )
    def made(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        if BRONZE.key in context.assets_def.dependency_keys:
            context.log_event(observe_bronze())
        finished = run(step)
        said = {"nothing to do": finished.excuse} if finished.excuse else {}
        return dg.MaterializeResult(metadata={"document": dg.MetadataValue.json(finished.document), **said})

    return made
