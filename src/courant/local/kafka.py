"""The embedded broker: Apache Kafka (KRaft), one node that is broker and controller."""

from __future__ import annotations

import base64
import logging
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path

from courant.errors import StackError
from courant.local.jars import class_path
from courant.local.java import java_command
from courant.local.ports import LOCALHOST, free_ports
from courant.local.server import NotReadyError, folder_of, make_folder
from courant.settings import Settings


@dataclass(frozen=True, slots=True)
class KafkaServer:
    """The broker of one home."""

    settings: Settings
    port: int
    name: str = "kafka"

    @property
    def argument(self) -> str:
        """The path of its properties."""
        return str(self._properties_file)

    @property
    def _properties_file(self) -> Path:
        return self.settings.home / "run" / "kafka.properties"

    def prepare(self) -> None:
        """Format the storage at the first start; write the properties at each."""
        data = folder_of(self.settings.home, self.name)
        make_folder(data, self._format)
        self._write_properties(self._properties_file, data)

    def command(self) -> list[str]:
        """Give the broker's command."""
        return [*_java("-Xms256m", "-Xmx512m"), "kafka.Kafka", self.argument]

    def check_answers(self) -> None:
        """Ask for the cluster's metadata."""
        from confluent_kafka import KafkaException  # noqa: PLC0415 - loads a C library
        from confluent_kafka.admin import AdminClient  # noqa: PLC0415

        silent = logging.getLogger("courant.local.kafka.probe")
        silent.disabled = True  # refused connections are expected here
        probe = AdminClient({"bootstrap.servers": f"{LOCALHOST}:{self.port}"}, logger=silent)
        try:
            brokers = probe.list_topics(timeout=1).brokers
        except KafkaException as error:
            raise NotReadyError(str(error)) from error
        if not brokers:
            raise NotReadyError("the broker has not registered yet")

    def make_ready(self) -> None:
        """Nothing to do: topics are made by whoever knows the contracts."""

    def _format(self, folder: Path) -> None:
        properties = folder.with_name(".kafka-format.properties")
        self._write_properties(properties, folder)
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        home = self.settings.home
        # In one word: an id may begin with "-", which alone would be read as an option.
        arguments = ["format", f"--cluster-id={cluster}", "-c", str(properties.relative_to(home))]
        command = [*_java("-Xmx128m"), "kafka.tools.StorageTool", *arguments]
        done = subprocess.run(command, cwd=home, capture_output=True, text=True, check=False)
        properties.unlink()
        if done.returncode:
            raise StackError(f"Kafka could not format its storage: {done.stdout}{done.stderr}".strip())

    def _write_properties(self, path: Path, data: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        below_home = data.relative_to(self.settings.home)  # a comma in a whole path would make two of it
        lines = _properties(self.port, free_ports(1)[0], below_home, self.settings.kafka.max_message_bytes)
        path.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))


def _java(*options: str) -> list[str]:
    return [
        *java_command(),
        *options,
        "-XX:+UseParallelGC",
        "-Dlog4j2.level=WARN",
        "-cp", class_path("kafka"),
    ]  # fmt: skip


def _properties(port: int, controller_port: int, data: Path, max_message_bytes: int) -> dict[str, object]:
    return {
        "node.id": 1,
        "process.roles": "broker,controller",
        "controller.quorum.voters": f"1@{LOCALHOST}:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{LOCALHOST}:{port},CONTROLLER://{LOCALHOST}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{LOCALHOST}:{port}",
        "log.dirs": data,
        "message.max.bytes": max_message_bytes,
        "replica.fetch.max.bytes": max_message_bytes,
        "auto.create.topics.enable": "false",
        "delete.topic.enable": "true",
        "log.retention.hours": 24 * 30,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "broker.session.timeout.ms": 3000,  # a killed broker may register again only after that
        "broker.heartbeat.interval.ms": 500,
        "group.initial.rebalance.delay.ms": 0,
        "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,  # the default would take a quarter of this heap
    }
