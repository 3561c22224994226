"""Shows contracts to a person: what a data set holds, what it refuses, which tables it makes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from courant.domain.contract import Contract, Dimension, Field, Severity


def contracts_table(contracts: Iterable[Contract]) -> RenderableType:
    """Draw one row per data set: name, topic and purpose."""
    return _table(
        "Data sets", ("Name", "Topic", "Description"), [(c.name, c.topic, c.description) for c in contracts]
    )


def contract_tables(contract: Contract) -> Group:
    """Draw one contract: its facts as lines, then its fields, rules and dimensions as tables."""
    return Group(
        _facts(contract),
        _table(
            "Fields, in published order",
            ("Name and label", "Type, here and in MySQL", "Must be", "Description"),
            [_field_row(field) for field in contract.fields],
        ),
        _table(
            "Rules",
            ("Rule", "Condition (Spark SQL)", "Description"),
            [(f"{r.name}\n{_FATES[r.severity]}", r.expression, r.description) for r in contract.rules],
        ),
        _table(
            "Dimensions",
            ("Table and key", "Columns", "Made of", "An unknown member", "Known members"),
            [_dimension_row(dimension) for dimension in contract.dimensions],
        ),
    )


_FATES = {
    Severity.REJECT: "broken: the record is a reject",
    Severity.WARN: "broken: the record is counted and kept",
}


def _facts(contract: Contract) -> Text:
    facts = {
        "portal": contract.portal_id or "not on the portal",
        "topic": contract.topic,
        "message key": "|".join(contract.message_key) or contract.name,
        "steps": ", ".join(f"{minutes} min" for minutes in contract.steps_minutes),
        "table": contract.table,
        "view": contract.view,
    }
    lines = [f"{contract.name} {contract.version}", contract.description]
    return Text("\n".join(lines + [f"  {name:<12}{value}" for name, value in facts.items()]) + "\n")


def _field_row(field: Field) -> Sequence[str]:
    unit = f" in {field.unit}" if field.unit else ""
    column = field.sql_type if field.column == field.name else f"{field.column} {field.sql_type}"
    return (
        "\n".join((field.name, *field.labels)),
        f"{field.type.value}{unit}\n{column}",
        "\n".join(_demands(field)),
        field.description,
    )


def _demands(field: Field) -> Iterator[str]:
    if field.required:
        yield "given"
    if field.key_position:
        yield f"unique, as part {field.key_position} of the key"
    if field.minimum is not None:
        yield f"≥ {field.minimum}"
    if field.maximum is not None:
        yield f"≤ {field.maximum}"
    if field.pattern is not None:
        yield f"like {field.pattern}"
    if field.max_length is not None:
        yield f"at most {field.max_length} characters"


def _dimension_row(dimension: Dimension) -> Sequence[str]:
    return (
        f"{dimension.table}\n{dimension.key} {dimension.key_sql_type} ({dimension.keyed_by.value})",
        "\n".join(f"{c.name} {c.sql_type}" for c in dimension.columns),
        "\n".join(filter(None, (dimension.field, *dimension.parents))),
        "makes a reject" if dimension.is_closed else "is added",
        "\n".join(" ".join(member) for member in dimension.members),
    )


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> RenderableType:
    """Draw plain text: brackets such as `]0-3]` are values, not markup."""
    if not rows:
        return Text(f"{title}: none")
    table = Table(title=title, title_justify="left", show_lines=True)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    return table
