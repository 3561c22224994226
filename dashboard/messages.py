"""A topic's messages as rows of its contract's view; nothing here asks a server."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable
from datetime import UTC, datetime
from typing import Any

from courant.domain.contract import Contract, FieldType

SLOT = "slot_start_utc"
Row = dict[str, Any]


class Messages:
    """Messages as rows, each read but once: a screen asks for thousands of them, each second, in each tab.

    Parameters
    ----------
    contract
        Of the topic.
    """

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._known: dict[Hashable, Row | None] = {}

    def rows(self, messages: Iterable[tuple[Hashable, bytes | None]]) -> list[Row]:
        """Give the rows of these messages, in their order; those that are no readings are left out.

        Parameters
        ----------
        messages
            Each with a name that no other one has; what is not among them is forgotten.
        """
        known = self._known
        self._known = {
            name: known[name] if name in known else of_message(value, self._contract)
            for name, value in messages
        }
        return [row for row in self._known.values() if row]


def of_message(value: bytes | None, contract: Contract) -> Row | None:
    """Read a message as a row of the contract's view: its instant, and its numbers; None if it is none."""
    try:
        found = json.loads(value or b"")
        instant = datetime.fromisoformat(found[contract.instant.name])
    except (ValueError, TypeError, KeyError):
        return None
    if instant.tzinfo is None:
        return None
    numbers = {field.name: found.get(field.name) for field in contract.measures if field.type in _NUMBERS}
    return {SLOT: instant.astimezone(UTC)} | {name: _number(value) for name, value in numbers.items()}


_NUMBERS = (FieldType.INTEGER, FieldType.DECIMAL)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
