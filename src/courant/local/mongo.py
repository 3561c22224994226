"""The embedded MongoDB-protocol server: mongo-java-server on an H2 file, in a JVM of its own."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from courant.local.jars import class_path, pyspark_jar
from courant.local.java import java_command
from courant.local.ports import LOCALHOST
from courant.local.server import NotReadyError, folder_of
from courant.settings import Settings


@dataclass(frozen=True, slots=True)
class MongoServer:
    """The document store of one home."""

    settings: Settings
    port: int
    name: str = "mongo"

    @property
    def argument(self) -> str:
        """The path of its data file."""
        return str(folder_of(self.settings.home, self.name) / "store.mv")

    def prepare(self) -> None:
        """Make the data folder; the server makes the file."""
        folder_of(self.settings.home, self.name).mkdir(parents=True, exist_ok=True)

    def command(self) -> list[str]:
        """Give the server's command."""
        jars = [str(pyspark_jar("janino")), str(pyspark_jar("commons-compiler")), class_path("mongo")]
        return [
            *java_command(),
            "-Xmx256m",
            "-XX:+UseSerialGC",
            "-cp", os.pathsep.join(jars),
            "org.codehaus.janino.SimpleCompiler",
            str(Path(__file__).with_name("MongoMain.java")),
            "MongoMain",
            self.argument,
            LOCALHOST,
            str(self.port),
        ]  # fmt: skip

    def check_answers(self) -> None:
        """Ping it."""
        from pymongo import MongoClient  # noqa: PLC0415 - slow to import
        from pymongo.errors import ConnectionFailure  # noqa: PLC0415

        client: MongoClient[dict[str, object]] = MongoClient(uri(self.port), serverSelectionTimeoutMS=500)
        try:
            client.admin.command("ping")
        except ConnectionFailure as error:
            raise NotReadyError(str(error)) from error
        finally:
            client.close()

    def make_ready(self) -> None:
        """Nothing to do: collections are made by their first document."""


def uri(port: int) -> str:
    """Give the address that clients use."""
    return f"mongodb://{LOCALHOST}:{port}"
