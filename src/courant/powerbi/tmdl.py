"""A model as TMDL: one text a table, and those of the model itself. Equal models give equal bytes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from textwrap import indent
from uuid import UUID, uuid5

from courant.powerbi.values import Column, Kind, Measure, Model, Parameter, Relationship, Table

CULTURE = "fr-FR"
#: What Power BI Desktop has given to new models since 2023.
COMPATIBILITY_LEVEL = 1600
_NAMESPACE = UUID("6f1c1f0e-5d3b-5a53-9d4c-0c0a5f3e7b11")  # drawn once; every tag is made of it and a name
_PLAIN = re.compile(r"\w+")
_TYPES = {
    Kind.TEXT: "string",
    Kind.WHOLE: "int64",
    Kind.NUMBER: "double",
    Kind.FLAG: "boolean",
    Kind.DAY: "dateTime",
    Kind.INSTANT: "dateTime",
}


def tmdl_files(model: Model) -> dict[str, str]:
    """Write the model.

    Returns
    -------
    dict of str to str
        The text of each file of the folder `definition`, by its path in there.
    """
    return {
        "database.tmdl": f"database\n\tcompatibilityLevel: {COMPATIBILITY_LEVEL}\n",
        "model.tmdl": _model(model),
        "expressions.tmdl": "\n".join(_parameter(parameter) for parameter in model.parameters),
        "relationships.tmdl": "\n".join(_relationship(r) for r in model.relationships),
        **{f"tables/{table.name}.tmdl": table_text(table) for table in model.tables},
    }


def table_text(table: Table) -> str:
    """Write one table: what it is, its measures, its columns, the query that fills it."""
    head = [
        *_description(table.description),
        f"table {quoted(table.name)}",
        f"\tlineageTag: {tag(table.name)}",
    ]
    if table.is_date_table:
        head.append("\tdataCategory: Time")
    blocks = [
        "\n".join(head),
        *[_block(_measure(table, measure)) for measure in table.measures],
        *[_block(_column(table, column)) for column in table.columns],
        _block(_partition(table)),
        "\tannotation PBI_ResultType = Table",
    ]
    return "\n\n".join(blocks) + "\n"


def quoted(name: str) -> str:
    """Write a name; quoted unless it is one word."""
    return name if _PLAIN.fullmatch(name) else "'" + name.replace("'", "''") + "'"


def tag(*names: str) -> str:
    """Give the identifier that always belongs to an object of these names."""
    return str(uuid5(_NAMESPACE, "/".join(names)))


def _model(model: Model) -> str:
    order = ", ".join(
        f'"{name}"' for name in [*[p.name for p in model.parameters], *[t.name for t in model.tables]]
    )
    lines = [
        "model Model",
        f"\tculture: {CULTURE}",
        "\tdefaultPowerBIDataSourceVersion: powerBI_V3",
        "\tdiscourageImplicitMeasures",
        f"\tsourceQueryCulture: {CULTURE}",
        "\tdataAccessOptions",
        "\t\tlegacyRedirects",
        "\t\treturnErrorValuesAsNull",
        "",
        "annotation __PBI_TimeIntelligenceEnabled = 0",
        "",
        f"annotation PBI_QueryOrder = [{order}]",
        "",
        *[f"ref table {quoted(table.name)}" for table in model.tables],
    ]
    return "\n".join(lines) + "\n"


def _parameter(parameter: Parameter) -> str:
    meta = f'[IsParameterQuery=true, Type="{parameter.type}", IsParameterQueryRequired=true]'
    lines = [
        *_description(parameter.description),
        f"expression {quoted(parameter.name)} = {parameter.m} meta {meta}",
        f"\tlineageTag: {tag('expression', parameter.name)}",
        "",
        f"\tannotation PBI_ResultType = {parameter.type}",
    ]
    return "\n".join(lines) + "\n"


def _relationship(relationship: Relationship) -> str:
    ends = (
        (relationship.from_table, relationship.from_column),
        (relationship.to_table, relationship.to_column),
    )
    names = [f"{quoted(table)}.{quoted(column)}" for table, column in ends]
    return f"relationship {tag(*names)}\n\tfromColumn: {names[0]}\n\ttoColumn: {names[1]}\n"


def _measure(table: Table, measure: Measure) -> Iterator[str]:
    yield from _description(measure.description)
    if "\n" in measure.dax:
        yield f"measure {quoted(measure.name)} ="
        yield indent(measure.dax, "\t\t")
    else:
        yield f"measure {quoted(measure.name)} = {measure.dax}"
    yield f"\tformatString: {measure.format}"
    yield f"\tdisplayFolder: {measure.folder}"
    yield f"\tlineageTag: {tag(table.name, 'measure', measure.name)}"


def _column(table: Table, column: Column) -> Iterator[str]:
    yield from _description(column.description)
    yield f"column {quoted(column.name)}"
    yield f"\tdataType: {_TYPES[column.kind]}"
    if column.is_hidden:
        yield "\tisHidden"
    if column.is_key and table.is_date_table:
        yield "\tisKey"
    if column.format:
        yield f"\tformatString: {column.format}"
    yield f"\tlineageTag: {tag(table.name, 'column', column.source)}"
    yield "\tsummarizeBy: none"
    yield f"\tsourceColumn: {column.source}"
    if column.sorted_by:
        yield f"\tsortByColumn: {quoted(table.column(column.sorted_by).name)}"


def _partition(table: Table) -> Iterator[str]:
    yield f"partition {quoted(table.name)} = m"
    yield "\tmode: import"
    yield "\tsource ="
    yield indent(table.m, "\t\t\t")


def _block(lines: Iterable[str]) -> str:
    return indent("\n".join(lines), "\t")


def _description(text: str) -> list[str]:
    return [f"/// {line}".rstrip() for line in text.splitlines()]
