"""Reads the text of an ODCS 3.1 file into a Contract. What the text may say together is contract_check's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn, TypeVar

import yaml
from open_data_contract_standard.model import (
    CustomProperty,
    DataQuality,
    OpenDataContractStandard,
    SchemaObject,
    SchemaProperty,
)
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from courant.domain.contract_values import (
    Contract,
    Dimension,
    DimensionColumn,
    Field,
    FieldType,
    KeyedBy,
    Rule,
    Severity,
)
from courant.errors import ContractError

_FIELD_TYPES = {
    "string": FieldType.STRING,
    "integer": FieldType.INTEGER,
    "number": FieldType.DECIMAL,
    "timestamp": FieldType.INSTANT,
}
_OPTIONS = {
    FieldType.STRING: {"maxLength", "pattern"},
    FieldType.INTEGER: {"minimum", "maximum"},
    FieldType.DECIMAL: {"minimum", "maximum"},
    FieldType.INSTANT: set[str](),
}


class _Spec(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", strict=True)


_AnySpec = TypeVar("_AnySpec", bound=_Spec)


class _ColumnSpec(_Spec):
    name: str
    type: str
    expression: str
    natural_key: bool = False


class _DimensionSpec(_Spec):
    table: str
    key: str
    key_type: str = "BIGINT"  # what a 63-bit hash fits
    keyed_by: str = KeyedBy.HASH.value
    field: str | None = None
    parents: list[str] = []
    columns: list[_ColumnSpec] = []
    closed: bool = False
    members: list[list[str]] = []


class _ContractSpec(_Spec):
    model_config = ConfigDict(extra="ignore")  # other tools keep properties of their own here

    topic: str
    view: str
    steps_minutes: list[int]
    portal_id: str | None = None
    message_key: list[str] = []
    null_tokens: list[str] = []
    dimensions: list[_DimensionSpec] = []
    fact_dimensions: list[str] = []


class _FieldSpec(_Spec):
    model_config = ConfigDict(extra="ignore")

    aliases: list[str] = []
    unit: str | None = None
    null_tokens: list[str] | None = None


def read_contract(text: str) -> Contract:
    """Read the text of an ODCS file.

    Raises
    ------
    ContractError
        If it is not YAML, not ODCS 3.1, or leaves out what a data set needs; the message names the place.
    """
    odcs = _parse(text)
    spec = _spec(_ContractSpec, odcs.customProperties, "customProperties")
    table = _only_table(odcs)
    return Contract(
        name=_given(odcs.name, "name"),
        version=_given(odcs.version, "version"),
        description=_text(odcs.description.purpose if odcs.description else None),
        portal_id=spec.portal_id,
        topic=spec.topic,
        table=_given(table.physicalName, "schema: physicalName"),
        view=spec.view,
        steps_minutes=tuple(spec.steps_minutes),
        message_key=tuple(spec.message_key),
        fields=tuple(_field(p, n, spec.null_tokens) for n, p in enumerate(table.properties or [], start=1)),
        rules=tuple(_rule(q, n) for n, q in enumerate(table.quality or [], start=1)),
        dimensions=tuple(_dimension(d) for d in spec.dimensions),
        fact_dimensions=tuple(spec.fact_dimensions),
    )


def _parse(text: str) -> OpenDataContractStandard:
    try:
        odcs = OpenDataContractStandard.from_string(text)
    except yaml.YAMLError as error:
        raise ContractError(f"it is not YAML: {error}", remedy="mend the syntax at that line") from error
    except ValidationError as error:
        _fail(
            f"it is not ODCS: {_faults(error)}",
            "compare it with https://bitol-io.github.io/open-data-contract-standard",
        )
    except TypeError as error:
        raise ContractError(
            "it is not ODCS: it holds no mapping", remedy="begin it with apiVersion and kind"
        ) from error
    if odcs.kind != "DataContract" or not (odcs.apiVersion or "").startswith("v3."):
        _fail("it is not ODCS 3", "begin it with `apiVersion: v3.1.0` and `kind: DataContract`")
    return odcs


def _only_table(odcs: OpenDataContractStandard) -> SchemaObject:
    tables = odcs.schema_ or []
    if len(tables) != 1:
        _fail(f"its schema has {len(tables)} tables instead of one", "write one contract per data set")
    return tables[0]


def _field(odcs: SchemaProperty, number: int, null_tokens: Sequence[str]) -> Field:
    name = _given(odcs.name, f"field number {number}: name")
    where = f"field {name}"
    field_type = _field_type(odcs.logicalType, where)
    spec = _spec(_FieldSpec, odcs.customProperties, where)
    options = _options(odcs, field_type, where)
    return Field(
        name=name,
        labels=((odcs.businessName,) if odcs.businessName else ()) + tuple(spec.aliases),
        type=field_type,
        column=odcs.physicalName or name,
        sql_type=(sql_type := _given(odcs.physicalType, f"{where}: physicalType").upper()),
        required=bool(odcs.required),
        key_position=_key_position(odcs, where),
        null_tokens=tuple(null_tokens if spec.null_tokens is None else spec.null_tokens),
        unit=spec.unit,
        max_length=options.get("maxLength", _length(sql_type)),
        pattern=options.get("pattern"),
        minimum=options.get("minimum"),
        maximum=options.get("maximum"),
        description=_text(odcs.description),
    )


def _field_type(logical_type: str | None, where: str) -> FieldType:
    if logical_type not in _FIELD_TYPES:
        _fail(f"{where}: unknown logicalType {logical_type!r}", f"use one of {', '.join(_FIELD_TYPES)}")
    return _FIELD_TYPES[logical_type]


def _options(odcs: SchemaProperty, field_type: FieldType, where: str) -> dict[str, Any]:
    """Give the limits of a field, refusing what nothing would enforce."""
    options = odcs.logicalTypeOptions or {}
    if unknown := options.keys() - _OPTIONS[field_type]:
        allowed = ", ".join(sorted(_OPTIONS[field_type])) or "none"
        _fail(
            f"{where}: {', '.join(sorted(unknown))} is not enforced",
            f"use these options: {allowed}; or a row rule",
        )
    if odcs.quality:
        _fail(f"{where}: rules at a field are not enforced", "move its quality entries up to the table")
    return options


def _key_position(odcs: SchemaProperty, where: str) -> int | None:
    if not odcs.primaryKey:
        return None
    if odcs.primaryKeyPosition is None:
        _fail(f"{where}: primaryKeyPosition is missing", "number the fields of the key from 1")
    return odcs.primaryKeyPosition


def _length(sql_type: str) -> int | None:
    """Give 64 for VARCHAR(64), so that a contract says a length once."""
    name, _, length = sql_type.rstrip(")").partition("(")
    return int(length) if name in {"VARCHAR", "CHAR"} and length.isdigit() else None


def _rule(odcs: DataQuality, number: int) -> Rule:
    name = _given(odcs.name, f"rule number {number}: name")
    where = f"rule {name}"
    if odcs.type != "custom" or odcs.engine != "spark-sql" or not isinstance(odcs.implementation, str):
        _fail(f"{where}: it is not of type custom, engine spark-sql, with a text", "write it as Spark SQL")
    if odcs.severity not in set(Severity):
        _fail(f"{where}: unknown severity {odcs.severity!r}", f"use one of {', '.join(Severity)}")
    return Rule(name, Severity(odcs.severity), _text(odcs.implementation), _text(odcs.description))


def _dimension(spec: _DimensionSpec) -> Dimension:
    if spec.keyed_by not in set(KeyedBy):
        _fail(
            f"dimension {spec.table}: unknown keyedBy {spec.keyed_by!r}", f"use one of {', '.join(KeyedBy)}"
        )
    return Dimension(
        table=spec.table,
        key=spec.key,
        keyed_by=KeyedBy(spec.keyed_by),
        key_sql_type=spec.key_type.upper(),
        columns=tuple(
            DimensionColumn(c.name, c.type.upper(), _text(c.expression), c.natural_key) for c in spec.columns
        ),
        parents=tuple(spec.parents),
        field=spec.field,
        is_closed=spec.closed,
        members=tuple(tuple(member) for member in spec.members),
    )


def _spec(kind: type[_AnySpec], properties: Sequence[CustomProperty] | None, where: str) -> _AnySpec:
    values = {p.property: p.value for p in properties or [] if p.property}
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        _fail(f"{where}: {_faults(error)}", "write it as the other contracts do")


def _faults(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_url=False))


def _given(value: str | None, where: str) -> str:
    if not value or not value.strip():
        _fail(f"{where} is missing", "write it")
    return value.strip()


def _text(value: str | None) -> str:
    return (value or "").strip()


def _fail(problem: str, remedy: str) -> NoReturn:
    raise ContractError(problem, remedy=remedy)
