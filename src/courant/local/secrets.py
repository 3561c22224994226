"""The passwords of one stack: made at its first start, kept in HOME/secrets.json for its owner alone."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from courant.settings import Settings, secrets_file

PASSWORDS = ("root_password", "owner_password", "writer_password", "reader_password")


def with_passwords(settings: Settings) -> Settings:
    """Fill in the MySQL passwords that the settings lack, making and keeping those that do not exist yet.

    A password given by a variable is used and not written down.
    """
    kept = _kept(secrets_file(settings.home))
    known = {name: getattr(settings.mysql, name).get_secret_value() or kept[name] for name in PASSWORDS}
    filled = settings.mysql.model_copy(update={name: SecretStr(value) for name, value in known.items()})
    return settings.model_copy(update={"mysql": filled})


def secrets_of_containers(settings: Settings, out: Path, mongo_host: str) -> None:
    """Make the passwords of a first start, and leave those that the images of MySQL and MongoDB ask for as files.

    Parameters
    ----------
    out
        A folder that only these servers see: their images read the files as users of their own.
    mongo_host
        Where MongoDB answers; its address with the password is kept beside MySQL's passwords.
    """
    filled, path = with_passwords(settings), secrets_file(settings.home)
    content = json.loads(path.read_text())
    if "uri" not in content.get("mongo", {}):
        uri = f"mongodb://courant:{secrets.token_urlsafe(24)}@{mongo_host}:27017/?authSource=admin"
        content["mongo"] = {"uri": uri}
        write_private(path, json.dumps(content, indent=1))
    passwords = {
        "mysql_root": filled.mysql.root_password.get_secret_value(),
        "mongo": urlsplit(content["mongo"]["uri"]).password or "",
    }
    for name, password in passwords.items():
        file = out / name
        file.unlink(missing_ok=True)
        file.write_text(password)
        file.chmod(0o444)


def _kept(path: Path) -> dict[str, str]:
    """Read the file, adding what it lacks; its mode is put right either way."""
    content = json.loads(path.read_text()) if path.exists() else {}
    mysql = content.get("mysql", {})
    lacking = [name for name in PASSWORDS if name not in mysql]
    if lacking:
        mysql |= {name: secrets.token_urlsafe(24) for name in lacking}
        write_private(path, json.dumps(content | {"mysql": mysql}, indent=1))
    path.chmod(0o600)
    return {name: str(mysql[name]) for name in PASSWORDS}


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    scratch = path.with_suffix(".new")
    scratch.unlink(missing_ok=True)
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    scratch.replace(path)
