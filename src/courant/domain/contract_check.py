"""What the parts of a contract, and contracts beside each other, must agree on."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import NoReturn

from courant.domain.contract_values import NAME, Contract, Dimension, Field, FieldType, KeyedBy
from courant.errors import ContractError

MINUTES_A_DAY = 1440
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
_COLUMN_TYPE = re.compile(
    r"(VAR)?CHAR\(\d+\)|(TINY|SMALL|MEDIUM|BIG)?INT( UNSIGNED)?|TINYINT\(1\)|BOOLEAN"
    r"|DECIMAL\(\d+, ?\d+\)|DATETIME(\([0-6]\))?"
)
_TYPES_BY_FIELD = {
    FieldType.STRING: ("VARCHAR", "CHAR"),
    FieldType.INTEGER: ("TINYINT", "SMALLINT", "MEDIUMINT", "INT", "BIGINT", "BOOLEAN"),
    FieldType.DECIMAL: ("DECIMAL",),
    FieldType.INSTANT: ("DATETIME",),
}


def check_contract(contract: Contract) -> None:
    """Raise ContractError if a contract contradicts itself; the message names the part."""
    _check_names(contract)
    _check_unique(contract)
    for field in contract.fields:
        _check_field(field)
    _check_key(contract)
    _check_stream(contract)
    for dimension in contract.dimensions:
        _check_dimension(contract, dimension)
    _check_dimension_order(contract)


def check_together(contracts: Sequence[Contract]) -> None:
    """Raise ContractError if two contracts share a topic, or a table that they describe differently."""
    for one, other in combinations(contracts, 2):
        if one.topic == other.topic:
            _fail(f"{one.name} and {other.name} share the topic {one.topic}", "give each data set its own")
        if one.table == other.table and _fact_shape(one) != _fact_shape(other):
            _fail(
                f"{one.name} and {other.name} describe the table {one.table} differently",
                "make the columns agree",
            )
        for dimension in one.dimensions:
            twin = next((d for d in other.dimensions if d.table == dimension.table), dimension)
            if _dimension_shape(twin) != _dimension_shape(dimension):
                _fail(
                    f"{one.name} and {other.name} describe the dimension {dimension.table} differently",
                    "make the columns agree",
                )


def _check_names(contract: Contract) -> None:
    named = [
        ("data set", contract.name),
        ("table", contract.table),
        ("view", contract.view),
        *(("field", f.name) for f in contract.fields),
        *((f"column of the field {f.name}", f.column) for f in contract.fields),
        *(("rule", r.name) for r in contract.rules),
        *(("dimension", d.table) for d in contract.dimensions),
        *((f"key of the dimension {d.table}", d.key) for d in contract.dimensions),
        *((f"column of the dimension {d.table}", c.name) for d in contract.dimensions for c in d.columns),
    ]
    for what, name in named:
        if not NAME.fullmatch(name):
            _fail(f"the {what} {name!r} is not a name", "use small letters, digits and _, a letter first")


def _check_unique(contract: Contract) -> None:
    _unique((n for f in contract.fields for n in (f.name, *f.labels)), "field name or label")
    _unique((f.column for f in contract.fields), "column")
    _unique((r.name for r in contract.rules), "rule")
    _unique((d.table for d in contract.dimensions), "dimension")
    for d in contract.dimensions:
        _unique(
            (d.key, *(c.name for c in d.columns), *_parent_keys(contract, d)),
            f"column of the dimension {d.table}",
        )


def _check_field(field: Field) -> None:
    where = f"field {field.name}"
    if not _COLUMN_TYPE.fullmatch(field.sql_type) or not field.sql_type.startswith(
        _TYPES_BY_FIELD[field.type]
    ):
        _fail(
            f"{where}: physicalType {field.sql_type} cannot hold the type {field.type}",
            f"use one of {', '.join(_TYPES_BY_FIELD[field.type])}, with its lengths",
        )
    if field.type is FieldType.DECIMAL and not 0 <= field.scale <= min(field.precision, 30) <= 38:
        _fail(
            f"{where}: {field.sql_type} has no such scale",
            "keep the scale within the precision, at most 38 digits",
        )
    if field.minimum is not None and field.maximum is not None and field.minimum > field.maximum:
        _fail(f"{where}: minimum {field.minimum} is above maximum {field.maximum}", "swap them")
    _check_text_limits(field, where)


def _check_text_limits(field: Field, where: str) -> None:
    size = re.fullmatch(r"(?:VAR)?CHAR\((\d+)\)", field.sql_type)
    if size and field.max_length and field.max_length > int(size[1]):
        _fail(f"{where}: maxLength {field.max_length} does not fit {field.sql_type}", "make the column wider")
    try:
        re.compile(field.pattern or "")
    except re.error as error:
        raise ContractError(
            f"{where}: the pattern is no regular expression ({error})", remedy="mend it"
        ) from error


def _check_key(contract: Contract) -> None:
    instants = [f.name for f in contract.fields if f.type is FieldType.INSTANT]
    if len(instants) != 1:
        _fail(
            f"it has {len(instants)} instants ({', '.join(instants) or 'none'}) instead of one",
            "give exactly one field the logicalType timestamp",
        )
    if not contract.key_fields:
        _fail("it has no key", "mark the fields of the natural key with primaryKey and primaryKeyPosition")
    if [f.key_position for f in contract.key_fields] != list(range(1, len(contract.key_fields) + 1)):
        _fail("the positions of its key are not 1, 2, 3 …", "number them without gap or double")
    if contract.key_fields[0] is not contract.instant:
        _fail(
            f"its key does not begin with the instant {instants[0]}", "give that field primaryKeyPosition 1"
        )
    if optional := [f.name for f in contract.key_fields if not f.required]:
        _fail(f"the key field {optional[0]} is not required", "a key has no NULL: set `required: true`")


def _check_stream(contract: Contract) -> None:
    if not _TOPIC.fullmatch(contract.topic):
        _fail(f"the topic {contract.topic!r} is no Kafka topic name", "use letters, digits, `.`, `_` and `-`")
    bad_steps = [s for s in contract.steps_minutes if s <= 0 or MINUTES_A_DAY % s]
    if bad_steps or not contract.steps_minutes:
        _fail(f"stepsMinutes {list(contract.steps_minutes)} do not divide a day", "write e.g. [30]")
    key = {f.name for f in contract.key_fields}
    for name in contract.message_key:
        _known_field(contract, name, "messageKey")
        if name not in key:
            _fail(
                f"messageKey: {name} is not part of the key",
                "use key fields only: records of one key must share a partition",
            )


def _check_dimension(contract: Contract, dimension: Dimension) -> None:
    where = f"dimension {dimension.table}"
    for column in dimension.columns:
        if column.source_field:
            _known_field(contract, column.source_field, f"{where}, column {column.name}")
        if not _COLUMN_TYPE.fullmatch(column.sql_type):
            _fail(
                f"{where}: column {column.name} has no MySQL type we know: {column.sql_type}",
                "use e.g. VARCHAR(64)",
            )
    if dimension.field:
        _known_field(contract, dimension.field, where)
    (_check_natural if dimension.keyed_by is KeyedBy.NATURAL else _check_hash)(contract, dimension, where)
    _check_members(dimension, where)


def _check_natural(contract: Contract, dimension: Dimension, where: str) -> None:
    if not dimension.field or dimension.parents:
        _fail(
            f"{where}: it is keyed by a field but names none, or has parents",
            "name its field, or key it by hash",
        )
    field = contract.field(dimension.field)
    if (field.column, field.sql_type) != (dimension.key, dimension.key_sql_type):
        _fail(
            f"{where}: its key {dimension.key} {dimension.key_sql_type} is not the column of {field.name}",
            f"write {field.column} {field.sql_type} at both",
        )


def _check_hash(_: Contract, dimension: Dimension, where: str) -> None:
    if dimension.key_sql_type != "BIGINT":
        _fail(
            f"{where}: its key is a 63-bit hash but has the type {dimension.key_sql_type}",
            "leave keyType out",
        )
    if not dimension.parents and not any(c.is_natural_key for c in dimension.columns):
        _fail(f"{where}: it has nothing to hash", "mark a column with `naturalKey: true`, or name parents")


def _check_members(dimension: Dimension, where: str) -> None:
    if dimension.is_closed and not (dimension.field and dimension.members):
        _fail(
            f"{where}: it is closed but has no field or no members",
            "list the members, or set `closed: false`",
        )
    wanted = dimension.member_fields
    for member in dimension.members:
        if len(member) != len(wanted):
            _fail(
                f"{where}: the member {', '.join(member)} has {len(member)} values instead of {len(wanted)}",
                f"write its {' and '.join(wanted) or 'nothing'}",
            )
    _unique((member[:1] for member in dimension.members), f"member of the {where}")


def _check_dimension_order(contract: Contract) -> None:
    seen: set[str] = set()
    for dimension in contract.dimensions:
        for parent in dimension.parents:
            if parent not in seen:
                _fail(
                    f"dimension {dimension.table}: no dimension {parent} stands before it",
                    "list parents first",
                )
        seen.add(dimension.table)
    for table in contract.fact_dimensions:
        if table not in seen:
            _fail(
                f"factDimensions: no dimension is called {table}", f"use some of {', '.join(seen) or 'none'}"
            )


def _parent_keys(contract: Contract, dimension: Dimension) -> Iterable[str]:
    return (d.key for d in contract.dimensions if d.table in dimension.parents)


def _fact_shape(contract: Contract) -> object:
    return [(f.column, f.sql_type) for f in (contract.instant, *contract.measures)], contract.fact_dimensions


def _dimension_shape(dimension: Dimension) -> object:
    columns = [(c.name, c.sql_type, c.is_natural_key) for c in dimension.columns]
    return dimension.key, dimension.keyed_by, dimension.key_sql_type, dimension.parents, columns


def _known_field(contract: Contract, name: str, where: str) -> None:
    if name not in {f.name for f in contract.fields}:
        _fail(f"{where}: there is no field {name!r}", "use the published API name of a field")


def _unique(values: Iterable[object], what: str) -> None:
    if doubled := [str(value) for value, count in Counter(values).items() if count > 1]:
        _fail(f"the {what} {doubled[0]!r} stands twice", "keep one")


def _fail(problem: str, remedy: str) -> NoReturn:
    raise ContractError(problem, remedy=remedy)
