"""Columns of the model from what a contract says of its fields and dimensions."""

from __future__ import annotations

import re
from collections.abc import Sequence

from courant.domain.contract import Contract, Field, FieldType
from courant.powerbi.values import Column, Kind
from courant.powerbi.words import OWN_COLUMNS

TOTAL_FLAG = "is_total"
_UNIT = re.compile(r"\s*\([^()]*\)$")


def field_column(field: Field, *, mean_of_steps: bool = False) -> Column:
    """Give a fact's own field as a column; numbers are hidden, because measures show them."""
    kind = Kind.NUMBER if mean_of_steps else kind_of(field.sql_type)
    return Column(
        name=label(field),
        source=field.column,
        kind=kind,
        description=_with_unit(field),
        is_hidden=kind in {Kind.WHOLE, Kind.NUMBER},
        format=_FORMATS.get(kind),
    )


def own_column(source: str, kind: Kind, *, is_hidden: bool = False) -> Column:
    """Give a column that the database adds to what was published."""
    name, description = OWN_COLUMNS[source]
    return Column(name, source, kind, description, is_hidden=is_hidden, format=_FORMATS.get(kind))


def dimension_columns(contracts: Sequence[Contract], table: str) -> tuple[Column, ...]:
    """Give a dimension's columns that people use, its natural key first and unique; none where it has none.

    The contract that publishes the dimension's fields names them, if another fills them with nothing.
    """
    named: dict[str, Field] = {}
    for contract in contracts:
        named |= {f.column: f for f in contract.fields} | {f.name: f for f in contract.fields}
    contract = next(c for c in contracts if any(d.table == table for d in c.dimensions))
    dimension = contract.dimension(table)
    natural = natural_key(contract, table)
    if natural is None:
        return ()
    key_type = {c.name: c.sql_type for c in dimension.columns} | {dimension.key: dimension.key_sql_type}
    wanted = [natural, *[c.name for c in dimension.columns if c.name not in {natural, TOTAL_FLAG}]]
    return tuple(_dimension_column(name, key_type[name], named, is_key=name == natural) for name in wanted)


def natural_key(contract: Contract, table: str) -> str | None:
    """Name the one column that is unique in a dimension and stands in the view; None where it takes several."""
    dimension = contract.dimension(table)
    keys = [c.name for c in dimension.columns if c.is_natural_key]
    if not keys and dimension.key in {f.column for f in contract.fields}:
        return dimension.key
    return keys[0] if len(keys) == 1 and not dimension.parents else None


def kind_of(sql_type: str) -> Kind:
    """Give the kind of a MySQL type, as contracts and information_schema write it."""
    kind = sql_type.upper()
    if kind in {"BOOLEAN", "BOOL", "TINYINT(1)"}:
        return Kind.FLAG
    if kind.startswith(("TINYINT", "SMALLINT", "MEDIUMINT", "INT", "BIGINT")):
        return Kind.WHOLE
    if kind.startswith(("DECIMAL", "DOUBLE", "FLOAT")):
        return Kind.NUMBER
    if kind.startswith(("DATETIME", "TIMESTAMP")):
        return Kind.INSTANT
    return Kind.DAY if kind == "DATE" else Kind.TEXT


def label(field: Field) -> str:
    """Give the label that the field is published under, or its name."""
    return field.labels[0] if field.labels else field.name


def label_without_unit(field: Field) -> str:
    """Give the label without a unit in brackets at its end."""
    return _UNIT.sub("", label(field))


def is_number(field: Field) -> bool:
    """Tell whether the field can be averaged."""
    return field.type in {FieldType.INTEGER, FieldType.DECIMAL}


_FORMATS = {Kind.WHOLE: "#,0", Kind.NUMBER: "#,0.00", Kind.INSTANT: "General Date", Kind.DAY: "Short Date"}


def _dimension_column(name: str, sql_type: str, named: dict[str, Field], *, is_key: bool) -> Column:
    kind = kind_of(sql_type)
    if name in named:
        words, description = label(named[name]), _with_unit(named[name])
    else:
        words, description = OWN_COLUMNS.get(name, (name, ""))
    return Column(words, name, kind, description, is_key=is_key, format="0" if kind is Kind.WHOLE else None)


def _with_unit(field: Field) -> str:
    unit = f" Unit: {field.unit}." if field.unit else ""
    return f"{field.description}{unit} Column {field.column}."
