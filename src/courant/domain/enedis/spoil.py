"""Bad records on purpose, to show and to test what happens to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from courant.domain.contract import Contract, FieldType
from courant.domain.enedis.noise import uniform

_CHOSEN, _WAY = 51, 52  # streams of chance
_OFFSET = r"(Z|[+-]\d{2}:?\d{2})$"


@dataclass(frozen=True, slots=True)
class Spoiled:
    """A file with bad rows in it, and how many there are of each sort."""

    frame: pl.DataFrame  # every column as text
    counts: dict[str, int]


def spoil(frame: pl.DataFrame, contract: Contract, *, fraction: float, seed: int) -> Spoiled:
    """Make a fraction of the rows bad, in every way that the contract forbids.

    The ways: `negative_energy`, `wrong_type`, `beyond_range`, `missing_key`, `no_offset`, `off_step`
    and, where the contract has a closed dimension, `unknown_member`. Which rows, and how, depends
    on their place in the frame and on the seed.

    Parameters
    ----------
    frame
        A data set's rows under published API names.
    fraction
        The share of bad rows, 0 to 1.
    """
    places = np.arange(frame.height, dtype=np.int64)
    ways = _ways(contract)
    names = list(ways)
    way = (uniform(seed, _WAY, places) * len(names)).astype(np.int64)
    way[uniform(seed, _CHOSEN, places) >= fraction] = -1
    spoiled = frame.with_columns(pl.all().cast(pl.String), pl.Series("_way", way))
    for number, name in enumerate(names):
        field, replacement = ways[name]
        chosen = pl.col("_way") == number
        spoiled = spoiled.with_columns(
            pl.when(chosen).then(replacement(field)).otherwise(pl.col(field)).alias(field)
        )
    counts = {name: int((way == number).sum()) for number, name in enumerate(names)}
    return Spoiled(spoiled.drop("_way"), counts)


def _ways(contract: Contract) -> dict[str, tuple[str, Callable[[str], pl.Expr]]]:
    """Give for each way the field it changes and the text it puts there."""
    instant, measure = contract.instant.name, _measure(contract)
    ways: dict[str, tuple[str, Callable[[str], pl.Expr]]] = {
        "negative_energy": (measure, lambda _: pl.lit("-1")),
        "wrong_type": (measure, lambda _: pl.lit("beaucoup")),
        "beyond_range": (measure, lambda _: pl.lit("9" * 25)),
        "missing_key": (instant, lambda _: pl.lit("")),
        "no_offset": (instant, lambda field: pl.col(field).str.replace(_OFFSET, "")),
        "off_step": (instant, lambda field: pl.col(field).str.replace(r":\d0:00", ":07:00")),
    }
    closed = next((d.field for d in contract.dimensions if d.is_closed and d.field), None)
    if closed:
        ways["unknown_member"] = (closed, lambda _: pl.lit("00"))
    return ways


def _measure(contract: Contract) -> str:
    """Name the total that must not be negative."""
    wanted = ("total_energie_soutiree_wh", "consommation_totale")
    numbers = [f.name for f in contract.fields if f.type in (FieldType.INTEGER, FieldType.DECIMAL)]
    return next((name for name in wanted if name in numbers), numbers[0])
