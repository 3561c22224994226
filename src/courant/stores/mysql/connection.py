"""Connections to MySQL: three accounts, strict sessions, and a LOAD DATA that serves only its own buffer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import pymysql
from pymysql import connections as protocol
from pymysql.connections import Connection, MySQLResult
from pymysql.constants import CR, ER
from pymysql.cursors import DictCursor

from courant.errors import AccessDeniedError, CourantError, DiskFullError, MySQLDownError, SettingsError
from courant.settings import Settings

Account = Literal["root", "owner", "writer", "reader"]
Buffer = bytes | memoryview

STRICT_MODE = (
    "STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
)

_ACCESS_DENIED = {ER.ACCESS_DENIED_ERROR, ER.DBACCESS_DENIED_ERROR, 1698}
_SERVER_AWAY = {
    CR.CR_CONN_HOST_ERROR, CR.CR_CONNECTION_ERROR, CR.CR_SERVER_GONE_ERROR, CR.CR_SERVER_LOST,
    ER.SERVER_SHUTDOWN, 1927, 1040,  # killed connection, too many connections
}  # fmt: skip
_FULL = {ER.DISK_FULL, ER.RECORD_FILE_FULL}  # of files, and of a table that cannot grow
_TRY_AGAIN = {ER.LOCK_DEADLOCK, ER.LOCK_WAIT_TIMEOUT}
_PACKET_BYTES = 1 << 20


class LoadConnection(Connection):
    """A connection whose LOAD DATA LOCAL sends the buffers it was given, whatever file the server names."""

    may_load = True  # whether the server takes LOAD DATA LOCAL
    _load_buffers: tuple[Buffer, ...] = ()

    def load(self, sql: str, parameters: tuple[Any, ...], buffers: tuple[Buffer, ...]) -> int:
        """Run one LOAD DATA LOCAL statement over the buffers, end to end; give the affected rows."""
        self._load_buffers = buffers
        try:
            with self.cursor() as cursor:
                return cursor.execute(sql, parameters)
        finally:
            self._load_buffers = ()

    def _read_query_result(self, unbuffered: bool = False) -> int:
        self._result = None
        result = _LoadResult(self)
        if unbuffered:
            result.init_unbuffered_query()
        else:
            result.read()
        self._result = result
        if result.server_status is not None:
            self.server_status = result.server_status
        return int(result.affected_rows or 0)


class _LoadResult(MySQLResult):
    """PyMySQL's result, but the bytes come from the connection's buffers and never from a file."""

    connection: Any
    _read_ok_packet: Any  # PyMySQL's own, not in the stubs

    def _read_load_local_packet(self, first_packet: Any) -> None:  # noqa: ANN401 - PyMySQL's packet
        connection = self.connection
        protocol.LoadLocalPacketWrapper(first_packet)  # type: ignore[attr-defined]  # checks what it is
        try:
            for buffer in connection._load_buffers:
                view = memoryview(buffer)
                for start in range(0, len(view), _PACKET_BYTES):
                    connection.write_packet(view[start : start + _PACKET_BYTES])
        finally:
            connection.write_packet(b"")
            answer = connection._read_packet()
        if not connection._load_buffers:
            raise pymysql.err.OperationalError("The server asked for a file that nobody offered")
        self._read_ok_packet(answer)


def connect(settings: Settings, account: Account, *, database: str | None = None) -> LoadConnection:
    """Open a strict UTC session for one of the accounts.

    Raises
    ------
    MySQLDownError, AccessDeniedError, SettingsError
        If no server answers, it refuses the password, or no address is known.
    """
    mysql = settings.mysql
    if not mysql.port:
        raise SettingsError(
            "No MySQL address is known", remedy="run `courant up`, or set COURANT_MYSQL_HOST and _PORT"
        )
    with translated(settings):
        connection = LoadConnection(
            host=mysql.host,
            port=mysql.port,
            user="root" if account == "root" else f"courant_{account}",
            password=getattr(mysql, f"{account}_password").get_secret_value(),
            database=database or mysql.database,
            charset="utf8mb4",
            local_infile=account == "writer",
            connect_timeout=10,
            read_timeout=600,
            write_timeout=600,
            init_command=f"SET SESSION sql_mode='{STRICT_MODE}', time_zone='+00:00'",
        )
        if account == "writer":
            connection.may_load = bool(query(connection, "SELECT @@local_infile AS may_load")[0]["may_load"])
        return connection


@contextmanager
def session(settings: Settings, account: Account, *, database: str | None = None) -> Iterator[LoadConnection]:
    """Open a connection and close it in any case; to another database than the settings' where one is named."""
    connection = connect(settings, account, database=database)
    try:
        with translated(settings):
            yield connection
    finally:
        if connection.open:
            connection.close()


def query(connection: Connection[Any], sql: str, parameters: tuple[Any, ...] = ()) -> list[dict[str, Any]]:
    """Run one statement and give its rows as dictionaries."""
    with connection.cursor(DictCursor) as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


@contextmanager
def translated(settings: Settings) -> Iterator[None]:
    """Turn PyMySQL's connection errors into ours; any other passes."""
    try:
        yield
    except pymysql.err.MySQLError as error:
        ours = _translate(error, settings)
        if ours is None:
            raise
        raise ours from error


def is_worth_a_retry(error: pymysql.err.MySQLError) -> bool:
    """Tell whether the same transaction may succeed a moment later: the server is away, or a lock was lost."""
    return error_number(error) in _SERVER_AWAY | _TRY_AGAIN or isinstance(error, pymysql.err.InterfaceError)


def error_number(error: pymysql.err.MySQLError) -> int:
    """Give MySQL's error number, 0 if it has none."""
    return error.args[0] if error.args and isinstance(error.args[0], int) else 0


def _translate(error: pymysql.err.MySQLError, settings: Settings) -> CourantError | None:
    where = f"{settings.mysql.host}:{settings.mysql.port}"
    number = error_number(error)
    if number in _ACCESS_DENIED:
        return AccessDeniedError(
            f"MySQL at {where} refused the account: {error.args[1]}",
            remedy=f"the passwords in {settings.home}/secrets.json must be the ones of this server's first start",
        )
    if number in _FULL:
        return DiskFullError(
            f"MySQL at {where} has no room left: {error.args[1]}",
            remedy="free some on the disk of its data, then run it again: nothing is lost",
        )
    if number in _SERVER_AWAY or isinstance(error, pymysql.err.InterfaceError):
        return MySQLDownError(
            f"MySQL does not answer at {where}: {error.args[-1]}",
            remedy="run `courant up` (`courant status` shows what runs), or correct COURANT_MYSQL_HOST and _PORT",
        )
    return None
