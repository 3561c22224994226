"""What Dagster loads: `dagster dev --module-name orchestration.definitions`."""

from __future__ import annotations

import dagster as dg

from courant.settings import load_settings
from orchestration.assets import BRONZE, layer_assets, reconcile
from orchestration.schedules import cache, daily, schedules


@dg.definitions
def defs() -> dg.Definitions:
    """Give the assets from bronze to the forecast, their check, the upkeep, and the schedules."""
    return dg.Definitions(
        assets=[BRONZE, *layer_assets()],
        asset_checks=[reconcile],
        jobs=[cache, daily],
        schedules=schedules(load_settings()),
    )
