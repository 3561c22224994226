"""The commands that make servers of one's own, or of containers, ready for Courant."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(help="Make servers of your own ready: passwords, accounts.", no_args_is_help=True)
out = Console()


@app.command()
def accounts(
    hosts: Annotated[
        str, typer.Option(help="From where the accounts may connect, as MySQL writes it.")
    ] = "%",
) -> None:
    """Make the database and its three accounts (owner, writer, reader) on a MySQL server, as its root.

    Reads the address and root's password from the settings; run again, it gives the accounts their passwords anew.

    Example: [bold]COURANT_MYSQL_HOST=db COURANT_MYSQL_PORT=3306 courant server accounts[/]
    """
    from courant.local.accounts import account_statements
    from courant.local.secrets import with_passwords
    from courant.settings import load_settings
    from courant.stores.mysql.connection import session

    settings = with_passwords(load_settings())
    with session(settings, "root", database="mysql") as connection, connection.cursor() as cursor:
        for statement in account_statements(settings, [hosts]):
            cursor.execute(statement)
    out.print(f"The accounts of {settings.mysql.database} are ready.", highlight=False)


@app.command()
def secrets(
    folder: Annotated[Path, typer.Option("--out", help="Where MySQL's and MongoDB's images find their own.")],
    mongo_host: Annotated[str, typer.Option(help="The name of MongoDB's container.")] = "mongo",
) -> None:
    """Make the passwords of containers at their first start; later starts keep them.

    Example: [bold]courant server secrets --out /run/courant[/]
    """
    from courant.local.secrets import secrets_of_containers
    from courant.settings import load_settings

    secrets_of_containers(load_settings(), folder, mongo_host)
    out.print(f"The passwords are in {folder}.", highlight=False)
