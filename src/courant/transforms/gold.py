"""The tables of gold, and what a data set gives to each."""

from __future__ import annotations

from courant.domain.contract import Contract
from courant.transforms.gold_balance import balance_recipes
from courant.transforms.gold_consumption import consumption_recipes
from courant.transforms.gold_parts import Recipe

PARTITION_COLUMN = "month"
#: In the order in which they are made: a table that another one reads comes before it.
GOLD_TABLES = (
    "balance_half_hours",
    "consumption_half_hours",
    "balance_days",
    "consumption_days",
    "consumption_months",
    "load_curves",
    "peaks",
    "temperature_sensitivity",
    "completeness",
    "site_counts",
)
_RECIPES = {"balance": balance_recipes, "consumption": consumption_recipes}


def recipes(contract: Contract) -> tuple[Recipe, ...]:
    """Give what gold makes of a data set; nothing if its fact table is neither the balance nor consumption."""
    make = _RECIPES.get(contract.table)
    return make(contract) if make else ()
