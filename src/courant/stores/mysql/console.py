"""One SQL statement of a person, as the reader."""

from __future__ import annotations

from typing import Any

import pymysql

from courant.errors import AccessDeniedError, SqlError
from courant.settings import Settings
from courant.stores.mysql.connection import error_number, session

_NOT_ALLOWED = {1142, 1143, 1227, 1370}


def ask(settings: Settings, statement: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Run the statement; give the names of its columns and its rows.

    Raises
    ------
    SqlError
        If MySQL does not understand it.
    AccessDeniedError
        If it is more than a SELECT.
    """
    with session(settings, "reader") as connection, connection.cursor() as cursor:
        try:
            cursor.execute(statement)
        except pymysql.err.MySQLError as error:
            if error_number(error) in _NOT_ALLOWED:
                raise AccessDeniedError(
                    f"The reader may only SELECT: {error.args[1]}", remedy="write through the ingest"
                ) from error
            if isinstance(
                error, (pymysql.err.ProgrammingError, pymysql.err.OperationalError)
            ) and error_number(error) in range(1000, 2000):
                raise SqlError(
                    f"MySQL: {error.args[1]}", remedy="`courant sql 'SHOW TABLES'` lists what there is"
                ) from error
            raise
        return [column[0] for column in cursor.description or ()], list(cursor.fetchall())
