"""The fixed tables' migrations, run by alembic as the owner."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import URL, create_engine
from sqlalchemy.pool import NullPool

from courant.settings import Settings
from courant.stores.mysql.connection import connect, session

_SCRIPTS = Path(__file__).parent / "migrations"


def upgrade(settings: Settings) -> None:
    """Bring the fixed tables to the newest revision; does nothing when they are there."""
    with session(settings, "owner"):
        pass  # says clearly which server or password is wrong, before alembic would
    engine = create_engine(
        URL.create("mysql+pymysql"), creator=lambda: connect(settings, "owner"), poolclass=NullPool
    )
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
