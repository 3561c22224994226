"""The open-data portal: a data set's export, streamed to a file."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import BinaryIO

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from courant.domain.calendar import day_bounds_utc
from courant.domain.contract import Contract
from courant.errors import PortalError
from courant.settings import Settings

_EXPORT = "/api/explore/v2.1/catalog/datasets/{dataset}/exports/csv"
_BUSY = {408, 429, 500, 502, 503, 504}


class _TryAgainError(Exception):
    """The portal may answer better in a moment."""


def fetch_export(
    settings: Settings,
    contract: Contract,
    to: Path,
    *,
    days: tuple[date, date],
    on_progress: Callable[[int], None] = lambda _: None,
) -> int:
    """Download the rows of some Paris days, the last one included, as the portal's CSV.

    The file appears under its name when it is complete; a broken download leaves none.

    Parameters
    ----------
    on_progress
        Called with the bytes received so far; from 0 again when the download begins anew.

    Returns
    -------
    int
        Rows, without the header.

    Raises
    ------
    PortalError
        If the portal refuses, stays unreachable, breaks off, or has no rows of these days.
    """
    address, parameters = _request(settings, contract, days)
    part = to.with_name(f"{to.name}.part")
    to.parent.mkdir(parents=True, exist_ok=True)
    retrying = Retrying(
        retry=retry_if_exception_type(_TryAgainError),
        stop=stop_after_attempt(settings.portal.attempts),
        wait=wait_exponential(multiplier=0.5, max=8),
        reraise=True,
    )
    try:
        rows = retrying(_download, settings, address, parameters, part, on_progress)
        if rows == 0:
            raise PortalError(
                f"{address} has no rows from {days[0]} to {days[1]}",
                remedy="the portal keeps about three years: ask for later days",
            )
        part.replace(to)
    except _TryAgainError as error:
        raise PortalError(
            f"{address} did not deliver in {settings.portal.attempts} attempts: {error}",
            remedy="check the network and COURANT_PORTAL_URL; `courant generate` needs none",
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return rows


def newest_rows_url(settings: Settings, contract: Contract, *, rows: int) -> str:
    """Give the address of a CSV of a data set's newest rows, the newest first.

    Raises
    ------
    PortalError
        If the data set is not on the portal.
    """
    asked = {
        "order_by": f"{contract.instant.name} desc",
        "limit": str(rows),
        "delimiter": ";",
        "timezone": "UTC",
    }
    return str(httpx.URL(_address(settings, contract), params=asked))


def _address(settings: Settings, contract: Contract) -> str:
    if contract.portal_id is None:
        raise PortalError(f"{contract.name} is not on the portal", remedy="its contract has no portalId")
    return settings.portal.url.rstrip("/") + _EXPORT.format(dataset=contract.portal_id)


def _request(settings: Settings, contract: Contract, days: tuple[date, date]) -> tuple[str, dict[str, str]]:
    start, end = day_bounds_utc(days[0])[0], day_bounds_utc(days[1])[1]
    instant = contract.instant.name
    return _address(settings, contract), {
        "where": f"{instant} >= date'{start.isoformat()}' and {instant} < date'{end.isoformat()}'",
        "order_by": instant,
        "delimiter": ";",
        "timezone": "UTC",
    }


def _download(
    settings: Settings,
    address: str,
    parameters: dict[str, str],
    part: Path,
    on_progress: Callable[[int], None],
) -> int:
    timeout = httpx.Timeout(settings.portal.timeout_s, connect=min(10.0, settings.portal.timeout_s))
    try:
        with httpx.stream(
            "GET", address, params=parameters, timeout=timeout, follow_redirects=True
        ) as answer:
            _refuse_errors(answer)
            with part.open("wb") as file:
                _save(answer, file, on_progress)
    except httpx.TransportError as error:  # also a body that ends before its announced length
        raise _TryAgainError(f"{type(error).__name__}: {error}") from error
    return _count_rows(part)


def _save(answer: httpx.Response, file: BinaryIO, on_progress: Callable[[int], None]) -> None:
    for chunk in answer.iter_bytes():
        file.write(chunk)
        on_progress(file.tell())


def _refuse_errors(answer: httpx.Response) -> None:
    if answer.is_success:
        return
    answer.read()
    said = answer.text[:300]
    with suppress(ValueError, KeyError, TypeError):  # the portal explains itself in JSON, a proxy does not
        said = answer.json()["message"]
    if answer.status_code in _BUSY:
        raise _TryAgainError(f"HTTP {answer.status_code}: {said}")
    raise PortalError(
        f"{answer.url.copy_with(query=None)} answered HTTP {answer.status_code}: {said}",
        remedy="check the data set's portalId in its contract, and COURANT_PORTAL_URL",
    )


def _count_rows(part: Path) -> int:
    """Count the rows below the header, or find that the last one breaks off."""
    lines, header, last = 0, b"", b"\n"
    with part.open("rb") as file:
        for last in file:
            header = header or last
            lines += 1
    if header.count(b";") < 1:
        raise PortalError(
            f"The portal sent no table but {header[:60]!r}",
            remedy="check COURANT_PORTAL_URL and the data set's portalId",
        )
    if last.count(b";") != header.count(b";"):
        raise _TryAgainError(f"the export breaks off in line {lines}")
    return lines - 1
