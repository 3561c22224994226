"""What the flow must be told to serve a data set: a parameter context made of its contract and the settings."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from courant.domain.contract import Contract, FieldType
from courant.nifi.patterns import instant_pattern, names_of, null_pattern, required_pattern
from courant.settings import Settings

SHIFT = "shift.weeks"
_MOST_ROWS = 1000  # that travel through the flow together
_NUMBERS = (FieldType.INTEGER, FieldType.DECIMAL)
_HEADROOM = 8  # in JSON a control character takes six bytes; a message that Kafka refuses would stop the flow


def flow_parameters(settings: Settings, contract: Contract, *, weeks: int, poll_url: str) -> dict[str, str]:
    """Give the flow's parameters by name.

    Parameters
    ----------
    weeks
        The whole weeks that each slot is moved by, towards the future where positive.
    poll_url
        The address of the CSV export that is polled.

    Returns
    -------
    dict
        A text for each parameter of `nifi/source.json`.
    """
    chosen = {SHIFT: str(weeks), "http.url": poll_url}
    return _of_contract(contract) | _of_settings(settings, contract) | chosen


def input_folder(settings: Settings, contract: Contract) -> Path:
    """Give the folder in which files of the data set are dropped."""
    return settings.nifi.folder.absolute() / contract.name


def pace(rate: float) -> tuple[int, str]:
    """Turn rows a second (0: as fast as can be) into the rows of a piece and the time between two pieces.

    The time is a whole number of milliseconds, so a rate above 1,000 is met to within half a percent.
    """
    if rate == 0:
        return _MOST_ROWS, "0 sec"
    rows = min(_MOST_ROWS, max(1, round(rate)))
    return rows, f"{max(1, round(1000 * rows / rate))} ms"


def column_names(contract: Contract) -> str:
    """List each name that a column may have in a file, and its API name: `label -> name`, one a line.

    Names are compared in lower case; one with accents stands there twice, for they can be composed in two ways.
    """
    lines = {
        f"{unicodedata.normalize(form, alias).strip().lower()} -> {field.name}": None
        for field in contract.fields
        for alias in (field.name, *field.labels)
        for form in ("NFC", "NFD")
    }
    return "\n".join(lines)


def key_path(contract: Contract) -> str:
    """Write the message key as a RecordPath: the key's fields joined by `|`, a missing one empty."""
    if not contract.message_key:
        return f"concat('{contract.name}')"
    parts = ", '|', ".join(f"coalesce(/{name}, '')" for name in contract.message_key)
    return f"concat({parts})"


def _of_contract(contract: Contract) -> dict[str, str]:
    return {
        "aliases": column_names(contract),
        "dataset": contract.name,
        "instant": contract.instant.name,
        "instant.pattern": instant_pattern(contract),
        "key.path": key_path(contract),
        "null.pattern": null_pattern(contract),
        "number.fields": names_of(field for field in contract.fields if field.type in _NUMBERS),
        "required.columns": required_pattern(contract),
        "required.words": ", ".join(field.name for field in contract.fields if field.required),
        "topic": contract.topic,
    }


def _of_settings(settings: Settings, contract: Contract) -> dict[str, str]:
    nifi, largest = settings.nifi, settings.kafka.max_message_bytes
    rows, every = pace(nifi.rate)
    return {
        "calendar.file": str(nifi.calendar.absolute()),
        "dead.letters": nifi.dead_letter_topic,
        "http.every": f"{nifi.poll_every_s} sec",
        "input.every": f"{nifi.look_every_s} sec",
        "input.folder": str(input_folder(settings, contract)),
        "input.settled": f"{nifi.look_every_s} sec",
        "kafka.bootstrap": nifi.kafka_bootstrap_servers or settings.kafka.bootstrap_servers,
        "message.bytes": str(largest),
        "pace.every": every,
        "pace.rows": str(rows),
        "row.bytes": str(largest // _HEADROOM),
    }
