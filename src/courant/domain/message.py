"""From a published row to the message on the topic: a key, and JSON with the calendar's facts in it.

A replayed file is moved in time by whole weeks of UTC, one shift for all its rows. So no two slots
fall together and none is lost, whatever clock changes lie between: moving by Paris clock time
would fold or tear a file there. Weekday and slot stay true, but for an hour's difference between a
summer's file and a winter's replay; the calendar facts are always those of the moved slot.
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from courant.domain.calendar import CALENDAR_COLUMNS, with_calendar
from courant.domain.contract import Contract, Field, FieldType

PUBLISHED_SLOT = "published_slot"
_JSON_NUMBER = r"^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$"
_NUMBERS = (FieldType.INTEGER, FieldType.DECIMAL)


def slot_instant(field: str) -> pl.Expr:
    """Read ISO 8601 texts with any offset as UTC instants; null where a text is none."""
    text = pl.col(field).str.strip_chars().str.replace(r"^(\d{4}-\d{2}-\d{2}) ", "${1}T")
    with_seconds = text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%#z", time_zone="UTC", strict=False)
    without = text.str.to_datetime("%Y-%m-%dT%H:%M%#z", time_zone="UTC", strict=False)
    return pl.coalesce(with_seconds, without)


def to_messages(rows: pl.DataFrame, contract: Contract, *, shift: timedelta) -> pl.DataFrame:
    """Turn published rows into messages.

    Parameters
    ----------
    rows
        Text columns under API names, as `read_published` gives them.
    shift
        What is added to each slot. A row whose timestamp cannot be read keeps it.

    Returns
    -------
    polars.DataFrame
        `slot` (UTC instant, null where unreadable), `key` and `value` (both text), in the rows'
        order. The value is a JSON object: numbers where the contract has numbers and the text is
        one, else the text itself; null for a null token; what the contract does not know, as text.
    """
    instant = contract.instant.name
    published = rows.with_columns(_without_null_tokens(rows, contract))
    moved = published.with_columns(
        (slot_instant(instant) + shift).alias("_slot"), pl.col(instant).alias(PUBLISHED_SLOT)
    )
    moved = moved.with_columns(
        pl.coalesce(pl.col("_slot").dt.strftime("%Y-%m-%dT%H:%M:%S%:z"), instant).alias(instant)
    )
    with_facts = with_calendar(moved, instant="_slot")
    return with_facts.select(
        pl.col("_slot").alias("slot"),
        _key(contract).alias("key"),
        _value(with_facts.drop("_slot"), contract).alias("value"),
    )


def _without_null_tokens(rows: pl.DataFrame, contract: Contract) -> list[pl.Expr]:
    fields = [field for field in contract.fields if field.name in rows.columns]
    return [
        pl.when(~pl.col(field.name).is_in(field.null_tokens)).then(pl.col(field.name)).alias(field.name)
        for field in fields
        if field.null_tokens and field.type is not FieldType.INSTANT
    ]


def _key(contract: Contract) -> pl.Expr:
    """Join the key's fields; a missing part is the empty text."""
    if not contract.message_key:
        return pl.lit(contract.name)
    return pl.concat_str([pl.col(name).fill_null("") for name in contract.message_key], separator="|")


def _value(rows: pl.DataFrame, contract: Contract) -> pl.Expr:
    """Write each row as a JSON object: the texts in one go, then the numbers as they were written."""
    numbers = [field for field in contract.fields if field.type in _NUMBERS and field.name in rows.columns]
    names = {field.name for field in numbers}
    texts = [name for name in rows.columns if name not in names]
    opened = pl.struct(texts).struct.json_encode().str.strip_suffix("}")
    parts = [part for field in numbers for part in (pl.lit(f',"{field.name}":'), _number(rows, field))]
    return pl.concat_str([opened, *parts, pl.lit("}")])


def _number(rows: pl.DataFrame, field: Field) -> pl.Expr:
    """Give a JSON number with the very digits of the text, or the text in quotes where it is no number."""
    text = rows[field.name].str.strip_chars().str.replace(r"^(-?\d+),(\d+)$", "${1}.${2}")
    is_number = text.str.contains(_JSON_NUMBER)
    if is_number.all():  # nulls aside
        return pl.lit(text.fill_null("null"))
    quoted = pl.struct(pl.col(field.name).alias("v")).struct.json_encode()
    quoted = quoted.str.strip_prefix('{"v":').str.strip_suffix("}")
    return pl.when(pl.lit(is_number)).then(pl.lit(text)).otherwise(quoted)


MESSAGE_FACTS = (PUBLISHED_SLOT, *CALENDAR_COLUMNS)
