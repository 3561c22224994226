r"""Regular expressions for NiFi (Java's), which find in a row what `domain/message.py` changes in it.

A row is a JSON object in one line whose values are all text. A quote inside a value is written `\"` there, so
`"name":"` is found nowhere but at a field.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from courant.domain.contract import Contract, Field, FieldType

_YEAR = "[0-9]{4}"
_LEAP_YEAR = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
_DATE = (
    f"(?:{_YEAR}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    f"|02-(?:0[1-9]|1[0-9]|2[0-8]))|{_LEAP_YEAR}-02-29)"
)
_TIME = "(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?"
_OFFSET = "(?:Z|[+-](?:0[0-9]|1[0-7])(?::?[0-5][0-9])?)"  # Java knows none beyond 18 hours
_NOTHING = "(?!)()"  # matches nowhere, and has the group that the flow's replacement names


def instant_pattern(contract: Contract) -> str:
    """Find the instant of a row; groups: the whole text, date, time, offset.

    Only texts that are instants match: NiFi would move 30 February to the 28th, or stop at 25:00. Others stay as
    they are, for the ingest to reject.
    """
    text = f"[ ]*({_DATE})[T ]({_TIME})(?:[.][0-9]+)?({_OFFSET})[ ]*"
    return f'"{contract.instant.name}":"({text})"'


def null_pattern(contract: Contract) -> str:
    """Find fields that hold one of their null tokens; group: the field. An empty text is null already."""
    by_tokens: dict[tuple[str, ...], list[Field]] = {}
    for field in contract.fields:
        tokens = tuple(sorted(token for token in field.null_tokens if token))
        if tokens and field.type is not FieldType.INSTANT:
            by_tokens.setdefault(tokens, []).append(field)
    if not by_tokens:
        return _NOTHING
    cases = "|".join(
        f'(?:{names_of(fields)})":"(?:{"|".join(map(re.escape, tokens))})"'
        for tokens, fields in by_tokens.items()
    )
    return f'"(?={cases})([a-z][a-z0-9_]*)":"[^"]*"'


def required_pattern(contract: Contract) -> str:
    """Accept a header, written `;a;b;c;`, that has each required column."""
    required = (field.name for field in contract.fields if field.required)
    return "".join(f"(?=.*;{name};)" for name in required) + ".*"


def names_of(fields: Iterable[Field]) -> str:
    """Join names as alternatives."""
    return "|".join(field.name for field in fields)
