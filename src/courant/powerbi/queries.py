"""Power Query's M, written: what reads MySQL, and the texts that M is made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from courant.powerbi.values import Column, Kind, Parameter

#: Whoever opens the project changes these; a password is asked for by Power BI and is in no file.
PARAMETERS = (
    Parameter("Server", '"127.0.0.1:3306"', "Text", "Host and port of MySQL; `courant status` shows them."),
    Parameter("Database", '"courant"', "Text", "Database on that server."),
    Parameter(
        "ImportFrom",
        "#datetime(2020, 12, 31, 23, 0, 0)",
        "DateTime",
        "First instant that is imported, in UTC; 23:00 is midnight in Paris in winter, 22:00 in summer.",
    ),
)

_TYPES = {
    Kind.TEXT: "type text",
    Kind.WHOLE: "Int64.Type",
    Kind.NUMBER: "type number",
    Kind.FLAG: "type logical",
    Kind.DAY: "type date",
    Kind.INSTANT: "type datetime",
}
#: tinyint(1) is how MySQL keeps a boolean. A view that adds up years may take longer than the default 10 minutes.
_OPTIONS = (
    "[ReturnSingleDatabase = true, CreateNavigationProperties = false, TreatTinyAsBoolean = true,"
    " CommandTimeout = #duration(0, 1, 0, 0)]"
)


def read_mysql(
    item: str, columns: Sequence[Column], *, only: Sequence[str] = (), distinct: bool = False
) -> str:
    """Write the query that reads some columns of a view or table.

    Parameters
    ----------
    only
        Conditions on a row, such as `[is_total] = false`; the server applies them.
    """
    names = text_list(column.source for column in columns)
    steps = [
        ("Source", f"MySQL.Database(Server, Database, {_OPTIONS})"),
        ("Everything", f"Source{{[Schema = Database, Item = {text(item)}]}}[Data]"),
        *([("Wanted", f"Table.SelectRows(Everything, each {' and '.join(only)})")] if only else []),
    ]
    steps.append(("Chosen", f"Table.SelectColumns({steps[-1][0]}, {names})"))
    if distinct:
        steps.append(("Distinct", "Table.Distinct(Chosen)"))
    steps.append(("Typed", f"Table.TransformColumnTypes({steps[-1][0]}, {column_types(columns)})"))
    return let(steps)


def let(steps: Sequence[tuple[str, str]]) -> str:
    """Write steps of which each may use those before it; the last is the result."""
    body = ",\n".join(f"    {name} = {formula}" for name, formula in steps)
    return f"let\n{body}\nin\n    {steps[-1][0]}"


def column_types(columns: Iterable[Column]) -> str:
    """Write the pairs of column and type that Table.TransformColumnTypes wants."""
    return "{" + ", ".join(f"{{{text(c.source)}, {_TYPES[c.kind]}}}" for c in columns) + "}"


def table_type(columns: Iterable[Column]) -> str:
    """Write the type of a table that M makes by itself."""
    fields = (f"{c.source} = {_TYPES[c.kind].removeprefix('type ')}" for c in columns)
    return f"type table [{', '.join(fields)}]"


def text(value: str) -> str:
    """Write a text."""
    return '"' + value.replace('"', '""').replace("#(", "#(#)(") + '"'


def text_list(values: Iterable[str]) -> str:
    """Write a list of texts."""
    return "{" + ", ".join(text(value) for value in values) + "}"
