"""Days of the generated data sets in the real stores: sent as replay does, ingested, and jobs run over them."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from datetime import timedelta

import polars as pl
from machine import console
from records import FIRST_DAY, SEED
from servers import environment

from courant.domain.contract import Contract
from courant.domain.enedis import generate_days
from courant.domain.message import to_messages
from courant.session import submit_command, submit_environment
from courant.settings import Settings
from courant.stores.kafka import RecordSender, ensure_topics

INGEST, PUBLISH = "jobs/streaming/ingest_readings.py", "jobs/batch/publish_aggregates.py"


def send_days(settings: Settings, contract: Contract, *, days: int, regions: Sequence[str]) -> int:
    """Send whole days from `FIRST_DAY` on; give how many records the broker has of them."""
    ensure_topics(settings, [contract])
    frames = generate_days(contract.name, start=FIRST_DAY, days=days, regions=regions, seed=SEED)
    with console.status(f"sending {contract.name}"), RecordSender(settings, contract.topic) as sender:
        for frame in frames:
            sent = to_messages(frame.with_columns(pl.all().cast(pl.String)), contract, shift=timedelta(0))
            sender.send(sent["key"].to_list(), sent["value"].to_list())
    return sender.acknowledged


def run_job(
    settings: Settings, job: str, datasets: Sequence[str], *arguments: str, properties: str | None = None
) -> str:
    """Run a job over data sets; give what it writes to standard output."""
    named = [text for name in datasets for text in ("--dataset", name)]
    address = {"COURANT_MONGO_URI": settings.mongo.uri, "COURANT_MONGO_DATABASE": settings.mongo.database}
    with console.status(f"running {job}"):
        done = subprocess.run(
            submit_command(settings, job, [*named, *arguments], properties=properties),
            env=submit_environment() | environment(settings) | address,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise SystemExit(f"{job} ended with {done.returncode}:\n{done.stderr[-4000:]}")
    return done.stdout
