"""The SQL that makes the database and its accounts: an owner, a writer and a reader."""

from __future__ import annotations

from collections.abc import Sequence

from courant.settings import Settings

OWNER, WRITER, READER = "courant_owner", "courant_writer", "courant_reader"
_HOSTS = ("localhost", "127.0.0.1")


def account_statements(settings: Settings, hosts: Sequence[str] = _HOSTS) -> list[str]:
    """Write the statements that make the database, its three accounts and their rights; idempotent.

    Parameters
    ----------
    hosts
        From where the accounts may connect, as MySQL writes it; ``%`` is anywhere.
    """
    mysql = settings.mysql
    rights = {
        OWNER: ("ALL PRIVILEGES", mysql.owner_password.get_secret_value()),
        WRITER: (
            "SELECT, INSERT, UPDATE, DELETE, CREATE TEMPORARY TABLES",
            mysql.writer_password.get_secret_value(),
        ),
        READER: ("SELECT", mysql.reader_password.get_secret_value()),
    }
    database = mysql.database.replace("`", "``")
    pattern = database.replace("_", r"\_").replace("%", r"\%")  # GRANT reads these two as wildcards
    statements = [f"CREATE DATABASE IF NOT EXISTS `{database}` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"]
    for account, (privileges, password) in rights.items():
        for host in hosts:
            statements += _with_password(f"'{account}'@'{host}'", password)
            statements.append(f"GRANT {privileges} ON `{pattern}`.* TO '{account}'@'{host}'")
    return statements


def first_statements(settings: Settings) -> list[str]:
    """Write the statements of a first start: root's password set, other accounts without one removed."""
    root = settings.mysql.root_password.get_secret_value()
    hosts = ", ".join(f"'{host}'" for host in _HOSTS)
    return [
        f"DELETE FROM mysql.global_priv WHERE User = '' OR (User = 'root' AND Host NOT IN ({hosts}))",  # noqa: S608
        "FLUSH PRIVILEGES",  # a bootstrap server starts without accounts
        *(line for host in _HOSTS for line in _with_password(f"'root'@'{host}'", root)),
        *(f"GRANT ALL PRIVILEGES ON *.* TO 'root'@'{host}' WITH GRANT OPTION" for host in _HOSTS),
        *account_statements(settings),
    ]


def _with_password(account: str, password: str) -> list[str]:
    quoted = password.replace("\\", "\\\\").replace("'", "''")
    return [
        f"{verb} {account} IDENTIFIED BY '{quoted}'" for verb in ("CREATE USER IF NOT EXISTS", "ALTER USER")
    ]
