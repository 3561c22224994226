"""New members of dimensions: inserted once, never replaced, and checked against a collision of their hashes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pymysql

from courant.domain.contract import Contract, Dimension
from courant.errors import ContractError
from courant.stores.mysql.connection import LoadConnection, error_number
from courant.stores.mysql.loading import REFUSALS

_ROWS_A_STATEMENT = 500

Row = tuple[Any, ...]


def add_members(connection: LoadConnection, contract: Contract, members: dict[str, list[Row]]) -> None:
    """Insert members per dimension table, parents first; one that the database refuses is left out.

    The facts of a member left out break their foreign key (1452), and so become rejects.

    Raises
    ------
    ContractError
        If two natural keys have the same hash.
    """
    for table, rows in members.items():
        dimension = contract.dimension(table)
        columns = _columns(dimension, contract)
        for part in _parts(rows):
            _insert(connection, dimension, columns, part)
            _check_collisions(connection, dimension, columns, part)


def _columns(dimension: Dimension, contract: Contract) -> list[str]:
    parents = [contract.dimension(parent).key for parent in dimension.parents]
    return [dimension.key, *parents, *[column.name for column in dimension.columns]]


def _insert(connection: LoadConnection, dimension: Dimension, columns: list[str], rows: list[Row]) -> None:
    names = ", ".join(f"`{name}`" for name in columns)
    places = ", ".join(["%s"] * len(columns))
    # Keeps a member as it is: REPLACE would delete a row that facts refer to.
    keep = f"`{columns[0]}` = `{dimension.table}`.`{columns[0]}`"
    sql = f"INSERT INTO `{dimension.table}` ({names}) VALUES ({places}) ON DUPLICATE KEY UPDATE {keep}"
    with connection.cursor() as cursor:
        try:
            cursor.executemany(sql, rows)
        except pymysql.err.MySQLError as error:
            if error_number(error) not in REFUSALS:
                raise
            if len(rows) > 1:
                for row in rows:
                    _insert(connection, dimension, columns, [row])


def _check_collisions(
    connection: LoadConnection, dimension: Dimension, columns: list[str], rows: list[Row]
) -> None:
    """See that each key that is there now belongs to the natural key that it was made from."""
    natural = [
        c for c in columns[1:] if c not in {col.name for col in dimension.columns if not col.is_natural_key}
    ]
    if not natural:
        return
    places = [columns.index(name) for name in natural]
    by_key = {row[0]: tuple(row[place] for place in places) for row in rows}
    names = ", ".join(f"`{name}`" for name in (columns[0], *natural))
    marks = ", ".join(["%s"] * len(by_key))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {names} FROM `{dimension.table}` WHERE `{columns[0]}` IN ({marks})", tuple(by_key)
        )
        for key, *stored in cursor.fetchall():
            if tuple(stored) != by_key[key]:
                raise ContractError(
                    f"{dimension.table}.{columns[0]} {key} stands for {stored} and would stand for {by_key[key]}",
                    remedy="two natural keys have one hash: rename one of the members, or key the dimension naturally",
                )


def _parts(rows: list[Row]) -> Iterator[list[Row]]:
    for start in range(0, len(rows), _ROWS_A_STATEMENT):
        yield rows[start : start + _ROWS_A_STATEMENT]
