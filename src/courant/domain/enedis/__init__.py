"""Generated files as Enedis publishes them, from one weather and one model of how sites use energy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

import polars as pl

from courant.domain.contract import Contract
from courant.domain.enedis.balance import balance_blocks
from courant.domain.enedis.consumption import consumption_days
from courant.domain.enedis.segments import REGION_CODES, large_segments, small_segments
from courant.domain.enedis.spoil import Spoiled, spoil
from courant.errors import ContractError, UnknownDatasetError

GENERATED = ("balance", "consumption_inf36", "consumption_sup36")

__all__ = [
    "GENERATED",
    "REGION_CODES",
    "Spoiled",
    "generate_balance",
    "generate_consumption_inf36",
    "generate_consumption_sup36",
    "generate_days",
    "labelled",
    "spoil",
]


def generate_consumption_inf36(
    start: date, *, days: int, regions: Sequence[str] = REGION_CODES, seed: int
) -> pl.DataFrame:
    """Generate the consumption of sites of at most 36 kVA: 82 rows per slot and region.

    Returns
    -------
    polars.DataFrame
        The 15 published columns under their API names; see `consumption_days`.
    """
    return pl.concat(consumption_days(small_segments(), start=start, days=days, regions=regions, seed=seed))


def generate_consumption_sup36(
    start: date, *, days: int, regions: Sequence[str] = REGION_CODES, seed: int
) -> pl.DataFrame:
    """Generate the consumption of sites above 36 kVA: 56 rows per slot and region, with their sector.

    Returns
    -------
    polars.DataFrame
        The 16 published columns under their API names; see `consumption_days`.
    """
    return pl.concat(consumption_days(large_segments(), start=start, days=days, regions=regions, seed=seed))


def generate_balance(start: date, *, days: int, seed: int) -> pl.DataFrame:
    """Generate the national balance: one row per slot; see `balance_blocks`."""
    return pl.concat(balance_blocks(start=start, days=days, seed=seed))


def generate_days(
    dataset: str, *, start: date, days: int, regions: Sequence[str] = REGION_CODES, seed: int
) -> Iterator[pl.DataFrame]:
    """Generate a data set by name, some whole Paris days at a time, so that memory stays flat.

    Raises
    ------
    UnknownDatasetError
        If there is no generator for the name.
    """
    if dataset == "balance":
        return balance_blocks(start=start, days=days, seed=seed)
    if dataset not in GENERATED:
        raise UnknownDatasetError(
            f"There is no generator for {dataset}", remedy=f"generate one of {', '.join(GENERATED)}"
        )
    segments = small_segments() if dataset == "consumption_inf36" else large_segments()
    return consumption_days(segments, start=start, days=days, regions=regions, seed=seed)


def labelled(frame: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """Put generated columns in published order, under the labels of a published file.

    Raises
    ------
    ContractError
        If the contract has a field that was not generated.
    """
    missing = [field.name for field in contract.fields if field.name not in frame.columns]
    if missing:
        raise ContractError(
            f"The generator of {contract.name} does not make {', '.join(missing)}",
            remedy=f"remove the field from contracts/{contract.name}.odcs.yaml or teach the generator",
        )
    return frame.select(pl.col(f.name).alias(f.labels[0] if f.labels else f.name) for f in contract.fields)
