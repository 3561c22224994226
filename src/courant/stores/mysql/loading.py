"""Lines of text go into a table: by LOAD DATA where the server lets us, else by multi-row statements."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pymysql

from courant.stores.mysql.batch import Lines
from courant.stores.mysql.connection import LoadConnection, error_number, query

#: What the database may refuse of a value that the contract lets pass.
REFUSALS = {1048, 1264, 1265, 1292, 1366, 1406, 1452, 3140}

_FORMAT = r"CHARACTER SET utf8mb4 FIELDS TERMINATED BY '\t' ESCAPED BY '\\' LINES TERMINATED BY '\n'"
_ESCAPES = {b"\\\\": b"\\", b"\\t": b"\t", b"\\n": b"\n", b"\\0": b"\0"}


@dataclass(frozen=True, slots=True)
class Target:
    """A table that lines go into; a row with a known key replaces the old one."""

    table: str
    columns: tuple[str, ...]  # in the order of a line
    hex_columns: frozenset[str] = frozenset()  # written as hexadecimal digits
    constants: dict[str, str | int] = field(default_factory=dict)  # columns that are the same in every row
    now_columns: tuple[str, ...] = ()  # columns that take the server's time

    @property
    def load_sql(self) -> str:
        """The LOAD DATA statement; its parameters are the constants' values."""
        names = ", ".join(f"@{c}" if c in self.hex_columns else f"`{c}`" for c in self.columns)
        settings = [f"`{c}` = UNHEX(@{c})" for c in sorted(self.hex_columns)]
        settings += [f"`{c}` = %s" for c in self.constants] + [
            f"`{c}` = UTC_TIMESTAMP(3)" for c in self.now_columns
        ]
        clause = f" SET {', '.join(settings)}" if settings else ""
        return f"LOAD DATA LOCAL INFILE 'batch' REPLACE INTO TABLE `{self.table}` {_FORMAT} ({names}){clause}"

    @property
    def insert_sql(self) -> str:
        """The statement for servers without LOCAL INFILE; its parameters are a line's values, then the constants'."""
        names = ", ".join(f"`{c}`" for c in (*self.columns, *self.constants, *self.now_columns))
        places = ["UNHEX(%s)" if c in self.hex_columns else "%s" for c in self.columns]
        places += ["%s"] * len(self.constants) + ["UTC_TIMESTAMP(3)"] * len(self.now_columns)
        return f"REPLACE INTO `{self.table}` ({names}) VALUES ({', '.join(places)})"


def load(connection: LoadConnection, target: Target, lines: Lines) -> dict[int, int]:
    """Load all lines but those that the database refuses.

    Returns
    -------
    dict
        The refused rows' places among the lines, with MySQL's error number; found by halving.
    """
    refused: dict[int, int] = {}
    parts = [(0, len(lines))] if len(lines) else []
    while parts:
        start, stop = parts.pop()
        number = _load_or_nothing(connection, target, lines.part(start, stop))
        if number and stop - start == 1:
            refused[start] = number
        elif number:
            middle = (start + stop) // 2
            parts += [(middle, stop), (start, middle)]  # the earlier half is next: offsets stay in order
    return refused


def _load_or_nothing(connection: LoadConnection, target: Target, lines: Lines) -> int:
    """Load lines whole; give 0, or the number of MySQL's refusal with nothing of them loaded."""
    with connection.cursor() as cursor:
        cursor.execute("SAVEPOINT before_load")
        try:
            warning = _send(connection, target, lines)
        except pymysql.err.MySQLError as error:
            if error_number(error) not in REFUSALS:
                raise
            warning = error_number(error)
        if warning:
            cursor.execute("ROLLBACK TO SAVEPOINT before_load")
        return warning


def _send(connection: LoadConnection, target: Target, lines: Lines) -> int:
    """Send the lines; give the number of the first warning, 0 without one."""
    constants = tuple(target.constants.values())
    if connection.may_load:
        connection.load(target.load_sql, constants, lines.buffers)
    else:
        rows = [
            (*_values(line), *constants) for data in lines.buffers for line in bytes(data).split(b"\n")[:-1]
        ]
        with connection.cursor() as cursor:
            cursor.executemany(target.insert_sql, rows)
    warnings = query(connection, "SHOW WARNINGS LIMIT 1")
    return int(warnings[0]["Code"]) if warnings else 0


def _values(line: bytes) -> list[str | None]:
    return [None if text == b"\\N" else _unescaped(text) for text in line.split(b"\t")]


def _unescaped(text: bytes) -> str:
    return re.sub(rb"\\.", lambda found: _ESCAPES.get(found[0], found[0]), text).decode()
