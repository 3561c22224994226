"""The values a contract is made of: frozen, and free of the file format they were read from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")  # a field, column, table or rule


class FieldType(StrEnum):
    """What a field's text must be."""

    STRING = "string"
    INTEGER = "integer"
    DECIMAL = "decimal"
    INSTANT = "instant"


class Severity(StrEnum):
    """What happens to a record that breaks a rule."""

    REJECT = "reject"  # kept in rejects, not in the fact
    WARN = "warn"  # counted and kept


class KeyedBy(StrEnum):
    """How a dimension's members are numbered."""

    NATURAL = "natural"  # the natural key is the key
    HASH = "hash"  # a 63-bit hash of the natural key, so no look-up is ever stale


@dataclass(frozen=True, slots=True)
class Field:
    """One published value of a record."""

    name: str  # the published API name, and the key in a message
    labels: tuple[str, ...]  # other names it may arrive under; the French label first
    type: FieldType
    column: str  # its column in MySQL: the name, except for instants (slot_start_utc) and natural keys
    sql_type: str  # that column's type, e.g. BIGINT, DECIMAL(14,3), VARCHAR(4)
    required: bool
    key_position: int | None  # place in the natural key, from 1; None outside it
    null_tokens: tuple[str, ...]  # texts that mean "no value", beside JSON null
    unit: str | None
    max_length: int | None  # characters; strings only
    pattern: str | None  # a regular expression that the whole text must match; strings only
    minimum: int | float | None
    maximum: int | float | None
    description: str

    @property
    def scale(self) -> int:
        """Digits after the point that are kept (0 for anything but a decimal)."""
        return int(self.sql_type.rstrip(")").split(",")[1]) if self.type is FieldType.DECIMAL else 0

    @property
    def precision(self) -> int:
        """Digits in all of a decimal; 19 for an integer (BIGINT), 0 for text and instants."""
        if self.type is FieldType.DECIMAL:
            return int(self.sql_type.split("(")[1].split(",")[0])
        return 19 if self.type is FieldType.INTEGER else 0


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition over one record's typed fields; a record for which it is false breaks it, NULL passes."""

    name: str
    severity: Severity
    expression: str  # Spark SQL over the fields' names
    description: str


@dataclass(frozen=True, slots=True)
class DimensionColumn:
    """A column of a dimension table beside its key."""

    name: str
    sql_type: str
    expression: str  # Spark SQL over the contract's typed fields (a field's name in the plain case)
    is_natural_key: bool  # part of the UNIQUE natural key

    @property
    def source_field(self) -> str | None:
        """The field this column is read from as it is; None if it is computed."""
        return self.expression if NAME.fullmatch(self.expression) else None


@dataclass(frozen=True, slots=True)
class Dimension:
    """A MySQL table of the members that facts point to."""

    table: str
    key: str  # its primary key column, which the referring table carries under the same name
    keyed_by: KeyedBy
    key_sql_type: str
    columns: tuple[DimensionColumn, ...]
    parents: tuple[str, ...]  # tables this one refers to; their keys are part of its natural key
    field: str | None  # the field whose values are its members; None for one made of parents
    is_closed: bool  # closed: an unknown member is a reject; open: it is added, with a warning
    members: tuple[tuple[str, ...], ...]  # the known members: one value per field of member_fields, in order

    @property
    def member_fields(self) -> tuple[str, ...]:
        """The fields whose values make a member: a natural key's, then the columns read as they are."""
        key = (self.field,) if self.field and self.keyed_by is KeyedBy.NATURAL else ()
        return key + tuple(
            c.source_field for c in self.columns if c.source_field and c.source_field not in key
        )


@dataclass(frozen=True, slots=True)
class Contract:
    """One data set: its topic, fields, rules and tables."""

    name: str
    version: str
    description: str
    portal_id: str | None  # the data set's id on the portal
    topic: str
    table: str  # the fact table; two data sets may share one
    view: str  # the view for people and BI tools
    steps_minutes: tuple[int, ...]  # slot lengths that are good data
    message_key: tuple[str, ...]  # fields joined by "|"; empty: the data set's name
    fields: tuple[Field, ...]  # in published order
    rules: tuple[Rule, ...]
    dimensions: tuple[Dimension, ...]  # parents before children
    fact_dimensions: tuple[str, ...]  # the dimension tables that the fact itself refers to

    @property
    def instant(self) -> Field:
        """The field that says when the slot starts."""
        return next(f for f in self.fields if f.type is FieldType.INSTANT)

    @property
    def key_fields(self) -> tuple[Field, ...]:
        """The natural key, in order, the instant first."""
        return tuple(sorted((f for f in self.fields if f.key_position), key=lambda f: f.key_position or 0))

    @property
    def measures(self) -> tuple[Field, ...]:
        """The fields that the fact holds as columns of its own: neither instant nor part of a dimension."""
        elsewhere = {name for d in self.dimensions for name in (d.field, *d.member_fields)}
        return tuple(f for f in self.fields if f is not self.instant and f.name not in elsewhere)

    def field(self, name: str) -> Field:
        """Give the field of that published API name, or raise KeyError."""
        return {f.name: f for f in self.fields}[name]

    def dimension(self, table: str) -> Dimension:
        """Give the dimension of that table name, or raise KeyError."""
        return {d.table: d for d in self.dimensions}[table]
