"""What a model and its report are made of: frozen, and free of the files' formats."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """The type of a column, as Power Query and the model both know it."""

    TEXT = "text"
    WHOLE = "whole"
    NUMBER = "number"
    FLAG = "flag"
    DAY = "day"
    INSTANT = "instant"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table in the model."""

    name: str  # what people read, in French
    source: str  # its name in MySQL, or in the M that makes the table
    kind: Kind
    description: str
    is_hidden: bool = False  # keys, and numbers that a measure adds up
    is_key: bool = False  # unique: the "one" side of relationships
    sorted_by: str | None = None  # the source of the column that gives the order
    format: str | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """A formula over the model."""

    name: str
    dax: str
    format: str
    folder: str
    description: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the model: read from one of MySQL's, or made by M alone."""

    name: str
    description: str
    columns: tuple[Column, ...]
    m: str  # the query that gives the columns under their source names
    mysql: str | None = None  # the view or table of MySQL that it reads, with its columns' very names
    measures: tuple[Measure, ...] = ()
    is_date_table: bool = False

    def column(self, source: str) -> Column:
        """Give the column of that source name, or raise KeyError."""
        return {column.source: column for column in self.columns}[source]

    def has(self, source: str) -> bool:
        """Tell whether a column has that source name."""
        return any(column.source == source for column in self.columns)

    def ref(self, source: str) -> str:
        """Write a column as DAX does: `'Table'[Name]`."""
        return f"{self.dax_name}[{self.column(source).name.replace(']', ']]')}]"

    @property
    def dax_name(self) -> str:
        """The table's name as DAX writes it."""
        return "'" + self.name.replace("'", "''") + "'"


@dataclass(frozen=True, slots=True)
class Relationship:
    """Many rows of one table point to one of another: names of tables, and of columns as people read them."""

    from_table: str
    from_column: str
    to_table: str
    to_column: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value that whoever opens the project may change."""

    name: str
    m: str  # its default, as M writes it
    type: str  # Text or DateTime
    description: str


@dataclass(frozen=True, slots=True)
class Model:
    """The whole star."""

    name: str
    parameters: tuple[Parameter, ...]
    tables: tuple[Table, ...]
    relationships: tuple[Relationship, ...] = field(default=())

    def table(self, name: str) -> Table:
        """Give the table of that name, or raise KeyError."""
        return {table.name: table for table in self.tables}[name]

    def has(self, *names: str) -> bool:
        """Tell whether all of these tables are there."""
        return set(names) <= {table.name for table in self.tables}
