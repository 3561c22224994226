"""Writing a generated file, as Enedis would publish it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from courant.domain.contract import Contract
from courant.domain.enedis import REGION_CODES, generate_days, labelled, spoil


@dataclass(frozen=True, slots=True)
class GeneratedFile:
    """What was written."""

    path: Path
    rows: int
    seconds: float
    bad_rows: dict[str, int] = field(default_factory=dict)  # by the way they are bad


def generate_file(  # noqa: PLR0913 - the command's options
    contract: Contract,
    path: Path,
    *,
    start: date,
    days: int,
    regions: Sequence[str] = REGION_CODES,
    seed: int,
    bad_fraction: float = 0.0,
    on_progress: Callable[[int], None] = lambda _: None,
) -> GeneratedFile:
    """Write Paris days of a data set as CSV: French labels, `;`, UTF-8.

    The same arguments write the same bytes. The file appears under its name when it is complete.

    Parameters
    ----------
    bad_fraction
        The share of rows made bad on purpose (see `spoil`).
    on_progress
        Called with the rows written so far.

    Raises
    ------
    UnknownDatasetError
        If there is no generator for the data set.
    ContractError
        If the contract has a field that the generator does not make.
    """
    started, rows, bad = time.monotonic(), 0, Counter[str]()
    part = path.with_name(f"{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    frames = generate_days(contract.name, start=start, days=days, regions=regions, seed=seed)
    try:
        with part.open("wb") as file:
            for number, generated in enumerate(frames):
                frame = generated
                if bad_fraction > 0:
                    spoiled = spoil(generated, contract, fraction=bad_fraction, seed=seed + number)
                    frame, bad = spoiled.frame, bad + Counter(spoiled.counts)
                labelled(frame, contract).write_csv(file, separator=";", include_header=number == 0)
                rows += frame.height
                on_progress(rows)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return GeneratedFile(path, rows, time.monotonic() - started, dict(bad))
