"""The embedded MySQL-compatible server: MariaDB with durable commits, one database and three accounts."""

from __future__ import annotations

import contextlib
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from courant.errors import AccessDeniedError, StackError
from courant.local.accounts import READER, account_statements, first_statements
from courant.local.jars import mariadb_home
from courant.local.ports import LOCALHOST
from courant.local.server import NotReadyError, folder_of, log_of, make_folder
from courant.settings import Settings, secrets_file

_ACCESS_DENIED = 1045


@dataclass(frozen=True, slots=True)
class MariaDBServer:
    """The database server of one home."""

    settings: Settings  # with passwords
    port: int
    name: str = "mysql"

    @property
    def argument(self) -> str:
        """The option that names its data folder."""
        return f"--datadir={self._data}"

    @property
    def _data(self) -> Path:
        return folder_of(self.settings.home, self.name)

    @property
    def _temporary(self) -> Path:
        return folder_of(self.settings.home, f"{self.name}.tmp")

    def prepare(self) -> None:
        """Make the system tables and set the passwords at the first start, before any port is open."""
        self._temporary.mkdir(parents=True, exist_ok=True)
        make_folder(self._data, self._install)

    def reset_passwords(self) -> None:
        """Set the passwords of the settings in the data folder of a stopped server."""
        self._bootstrap(self._data)

    def command(self) -> list[str]:
        """Give the server's command."""
        return [
            *self._mariadbd(self._data),
            f"--bind-address={LOCALHOST}",
            f"--port={self.port}",
            "--socket=mysql.sock",  # in the data folder: a whole path may be too long for a socket
            "--skip-name-resolve",
            "--skip-ssl",  # it serves this machine only, and would make an RSA key at each start: up to 15 s
            "--local-infile=1",
            "--character-set-server=utf8mb4",
            "--collation-server=utf8mb4_bin",  # natural keys: case and accents matter; MySQL has it too
            "--character-set-collations=utf8mb4=utf8mb4_bin",  # also where only the character set is named
            "--default-time-zone=+00:00",
            "--max-allowed-packet=64M",
            "--innodb-flush-log-at-trx-commit=1",
            "--innodb-buffer-pool-size=512M",
        ]

    def check_answers(self) -> None:
        """Read as the reader."""
        self._query(READER, self.settings.mysql.reader_password.get_secret_value(), ["SELECT 1"])

    def make_ready(self) -> None:
        """Make the database and the accounts' rights, as root."""
        password = self.settings.mysql.root_password.get_secret_value()
        self._query("root", password, account_statements(self.settings))

    def _query(self, user: str, password: str, statements: list[str]) -> None:
        import pymysql  # noqa: PLC0415 - slow to import

        try:
            connection = pymysql.connect(
                host=LOCALHOST,
                port=self.port,
                user=user,
                password=password,
                connect_timeout=2,
                autocommit=True,
            )
        except pymysql.err.OperationalError as error:
            if error.args[0] == _ACCESS_DENIED:
                raise self._denied(user) from error
            raise NotReadyError(str(error)) from error
        with contextlib.closing(connection), connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def _denied(self, user: str) -> AccessDeniedError:
        return AccessDeniedError(
            f"MySQL at {LOCALHOST}:{self.port} refuses the password of {user}: the data folder was made with "
            f"another than {secrets_file(self.settings.home)} (or COURANT_MYSQL_*) holds",
            remedy="put the old secrets file back, or run `courant down` and `courant up --reset-passwords`",
        )

    @property
    def _log(self) -> Path:
        return log_of(self.settings.home, self.name)

    def _install(self, folder: Path) -> None:
        home = mariadb_home()
        command = [
            str(home / "scripts" / "mariadb-install-db"),
            "--no-defaults",
            f"--basedir={home}",
            f"--datadir={folder}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
        ]
        ours = os.environ | {"TMPDIR": str(self._temporary)}  # the script would split an option at its blanks
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=ours)
        if done.returncode:
            raise StackError(f"mariadb-install-db failed: {done.stdout}{done.stderr}".strip())
        self._bootstrap(folder)

    def _bootstrap(self, data: Path) -> None:
        """Set the accounts in a server without a port; passwords go through a pipe, on no command line."""
        sql = "".join(f"{statement};\n" for statement in first_statements(self.settings))
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as output:
            done = subprocess.run(
                [*self._mariadbd(data), "--bootstrap"],
                input=sql.encode(),
                stdout=output,
                stderr=output,
                check=False,
            )
        if done.returncode:
            raise StackError("MariaDB could not set its accounts", remedy=f"see the end of {self._log}")

    def _mariadbd(self, data: Path) -> list[str]:
        home = mariadb_home()
        return [
            str(home / "bin" / "mariadbd"),
            "--no-defaults",
            f"--basedir={home}",
            f"--datadir={data}",
            f"--tmpdir={self._temporary}",  # its own: a starting server deletes every #sql file it finds there
            "--innodb-log-file-size=512M",  # in both ways of starting it, or each start would make the log anew
            *_as_root(),
        ]


def _as_root() -> list[str]:
    """MariaDB runs as root only when it is told to."""
    return ["--user=root"] if os.getuid() == 0 else []
