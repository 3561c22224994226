"""Tables and views of a data set, made and additively altered from its contract."""

from __future__ import annotations

import re
from typing import Any

from pymysql.connections import Connection

from courant.domain.contract import Contract, Dimension, Field, FieldType
from courant.errors import SchemaConflictError
from courant.stores.mysql.connection import query
from courant.stores.mysql.half_hour_views import half_hour_view

TABLE_OPTIONS = "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"
_SOURCE_COLUMNS = {
    "source_epoch": "SMALLINT UNSIGNED NOT NULL",
    "source_partition": "INT NOT NULL",
    "source_offset": "BIGINT NOT NULL",
}


def create_tables(connection: Connection[Any], contract: Contract) -> None:
    """Create what is missing of a data set's tables and views; add columns that the contract gained.

    Needs the owner's account. MySQL commits DDL by itself, so it never runs inside a batch's transaction.

    Raises
    ------
    SchemaConflictError
        If a column exists with another type than the contract says.
    """
    with connection.cursor() as cursor:
        for dimension in contract.dimensions:
            _create(
                cursor,
                dimension.table,
                _dimension_columns(dimension, contract),
                _dimension_keys(dimension, contract),
            )
        fact = fact_column_types(contract)
        _create(cursor, contract.table, fact, _fact_keys(contract))
    for dimension in contract.dimensions:
        _alter(connection, dimension.table, _dimension_columns(dimension, contract), contract)
    _alter(connection, contract.table, fact, contract)
    with connection.cursor() as cursor:
        cursor.execute(_view(connection, contract))
        if half_hours := half_hour_view(contract, joined_dimensions(contract)[0]):
            cursor.execute(half_hours)
    connection.commit()


def fact_column_types(contract: Contract) -> dict[str, str]:
    """Give the fact table's columns and their types, key first."""
    keys = {contract.instant.column: "DATETIME NOT NULL"}
    for table in contract.fact_dimensions:
        dimension = contract.dimension(table)
        keys[dimension.key] = f"{dimension.key_sql_type} NOT NULL"
    measures = {field.column: _measure_type(field) for field in contract.measures}
    return keys | measures | _SOURCE_COLUMNS


def fact_key(contract: Contract) -> tuple[str, ...]:
    """Name the fact table's primary key columns: instant, dimensions, and key fields that are in no dimension."""
    dimensions = [contract.dimension(table).key for table in contract.fact_dimensions]
    return (contract.instant.column, *dimensions, *[f.column for f in contract.measures if f.key_position])


def _measure_type(field: Field) -> str:
    kind = "DATETIME" if field.type is FieldType.INSTANT else field.sql_type
    return f"{kind} {'NOT NULL' if field.key_position else 'NULL'}"


def _fact_keys(contract: Contract) -> list[str]:
    references = [
        f"FOREIGN KEY ({d.key}) REFERENCES {_name(d.table)} ({d.key})"
        for d in map(contract.dimension, contract.fact_dimensions)
    ]
    return [f"PRIMARY KEY ({', '.join(fact_key(contract))})", *references]


def _dimension_columns(dimension: Dimension, contract: Contract) -> dict[str, str]:
    parents = [contract.dimension(table) for table in dimension.parents]
    return (
        {dimension.key: f"{dimension.key_sql_type} NOT NULL"}
        | {parent.key: f"{parent.key_sql_type} NOT NULL" for parent in parents}
        | {c.name: f"{c.sql_type} {'NOT NULL' if c.is_natural_key else 'NULL'}" for c in dimension.columns}
    )


def _dimension_keys(dimension: Dimension, contract: Contract) -> list[str]:
    parents = [contract.dimension(table) for table in dimension.parents]
    natural = [p.key for p in parents] + [c.name for c in dimension.columns if c.is_natural_key]
    references = [f"FOREIGN KEY ({p.key}) REFERENCES {_name(p.table)} ({p.key})" for p in parents]
    unique = [f"UNIQUE KEY natural_key ({', '.join(natural)})"] if natural else []
    return [f"PRIMARY KEY ({dimension.key})", *unique, *references]


def _create(cursor: Any, table: str, columns: dict[str, str], keys: list[str]) -> None:  # noqa: ANN401 - a cursor
    body = ", ".join([f"{_name(name)} {kind}" for name, kind in columns.items()] + keys)
    cursor.execute(f"CREATE TABLE IF NOT EXISTS {_name(table)} ({body}) {TABLE_OPTIONS}")


def _alter(connection: Connection[Any], table: str, columns: dict[str, str], contract: Contract) -> None:
    """Add the columns the contract gained; refuse a changed type."""
    existing = _existing_columns(connection, table)
    for name, kind in columns.items():
        wanted = _normalised(kind)
        if name not in existing:
            with connection.cursor() as cursor:
                cursor.execute(
                    f"ALTER TABLE {_name(table)} ADD COLUMN {_name(name)} {kind.replace('NOT NULL', 'NULL')}"
                )
        elif existing[name] != wanted:
            raise SchemaConflictError(
                f"The contract {contract.name} {contract.version} wants {table}.{name} as {wanted}, "
                f"but the table has {existing[name]}",
                remedy="give the contract a new table and version and rebuild it from bronze, or keep the old type",
            )


def _existing_columns(connection: Connection[Any], table: str) -> dict[str, str]:
    rows = query(
        connection,
        "SELECT column_name AS name, column_type AS type FROM information_schema.columns"
        " WHERE table_schema = DATABASE() AND table_name = %s",
        (table,),
    )
    return {row["name"]: _normalised(_text(row["type"])) for row in rows}


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _normalised(sql_type: str) -> str:
    """Write a type as both MySQL and MariaDB mean it: no display width, no nullability."""
    kind = re.sub(r"\s+(not\s+)?null\b.*$", "", sql_type.strip().lower())
    kind = re.sub(r"^(bool|boolean)$", "tinyint", kind)
    kind = re.sub(r"^integer\b", "int", kind)
    return re.sub(r"\b((?:tiny|small|medium|big)?int)\s*\(\d+\)", r"\1", re.sub(r"\s*,\s*", ",", kind))


def _view(connection: Connection[Any], contract: Contract) -> str:
    """Join the names back to the fact. The columns are the table's own, so that data sets may share table and view."""
    fact = [name for name in _existing_columns(connection, contract.table) if name not in _SOURCE_COLUMNS]
    hashed = {d.key for d in contract.dimensions if d.key not in {f.column for f in contract.fields}}
    joins, named = joined_dimensions(contract)
    instant, *keys = fact_key(contract)
    measures = [name for name in fact if name not in {instant, *keys}]
    columns = [
        f"f.{_name(instant)}",
        *[f"f.{_name(key)}" for key in keys if key not in hashed],
        *named,
        *[f"f.{_name(name)}" for name in measures],
    ]
    select = ", ".join(columns)
    return (
        f"CREATE OR REPLACE SQL SECURITY INVOKER VIEW {_name(contract.view)} AS"
        f" SELECT {select} FROM {_name(contract.table)} f {joins}"
    )


def joined_dimensions(contract: Contract) -> tuple[str, list[str]]:
    """Give the joins from the fact `f` through its dimensions to their parents, and the columns they bring."""
    joins, named = [], []
    waiting = [("f", table) for table in contract.fact_dimensions]
    for child, table in waiting:
        dimension = contract.dimension(table)
        joins.append(f"JOIN {_name(table)} ON {_name(table)}.{dimension.key} = {child}.{dimension.key}")
        named += [f"{_name(table)}.{_name(column.name)}" for column in dimension.columns]
        waiting += [(_name(table), parent) for parent in dimension.parents]
    return " ".join(joins), named


def _name(identifier: str) -> str:
    return f"`{identifier}`"
