"""The edges of the dashboard: settings, servers with short memories, and what is shown when one is away."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import streamlit as st
from pymongo.errors import PyMongoError
from pymysql.connections import Connection
from pymysql.err import MySQLError

from courant.domain.calendar import PARIS
from courant.domain.contract import Contract, load_contracts
from courant.errors import CourantError
from courant.settings import Settings, load_settings
from courant.stores import mongo
from courant.stores.kafka import describe_topic
from courant.stores.kafka.tail import Tail
from courant.stores.mongo import MongoDatabase
from courant.stores.mysql.connection import session
from courant.stores.mysql.positions import read_positions

Found = TypeVar("Found")
Asked = ParamSpec("Asked")
OUTLINES = Path(__file__).resolve().parent / "regions.geojson"
_AGAIN_AFTER_S = 5


def settings() -> Settings:
    """Read the settings: servers that were started anew have other ports."""
    return load_settings()


@st.cache_resource
def contracts() -> Mapping[str, Contract]:
    """Read the contracts once."""
    return load_contracts(settings().contracts_dir)


@st.cache_resource
def outlines() -> dict[str, Any]:
    """Read the regions' outlines once: GeoJSON, as `dashboard/regions.md` tells."""
    found: dict[str, Any] = json.loads(OUTLINES.read_text(encoding="utf-8"))
    return found


def from_mysql(
    read: Callable[Concatenate[Connection[Any], Asked], Found], *arguments: Asked.args, **named: Asked.kwargs
) -> Found:
    """Ask MySQL through a function of a connection, as the account that can only SELECT."""
    with session(settings(), "reader") as connection:
        return read(connection, *arguments, **named)


def from_mongo(
    read: Callable[Concatenate[MongoDatabase, Asked], Found], *arguments: Asked.args, **named: Asked.kwargs
) -> Found:
    """Ask MongoDB through a function of a database."""
    with mongo.session(settings()) as database:
        return read(database, *arguments, **named)


@st.cache_resource
def tail() -> Tail:
    """Follow the topics by one thread, whatever number of people look; it begins where MySQL stands."""
    return Tail(settings, [contract.topic for contract in contracts().values()], _mysqls_positions)


def _mysqls_positions(topic: str) -> dict[int, int]:
    """Give the offsets that MySQL takes next; nothing where it cannot be asked: then the topic's end is the start."""
    name = next(one.name for one in contracts().values() if one.topic == topic)
    try:
        return from_mysql(read_positions, name, describe_topic(settings(), topic).topic_id)
    except (CourantError, MySQLError):
        return {}


@contextmanager
def shown(part: str) -> Iterator[None]:
    """Show what is missing in the place of a part whose server is away, and look again by itself."""
    try:
        yield
    except CourantError as error:
        _tell(part, error.message, error.remedy)
    except (MySQLError, PyMongoError) as error:  # a server that went away between two questions
        _tell(part, str(error), "`courant status` shows what runs")


def tell_away(problem: str) -> None:
    """Show what is missing of a part that is there, and look again by itself."""
    st.warning(problem, icon=":material/cloud_off:")
    st.session_state["is_missing"] = True


def metrics(figures: Mapping[str, str]) -> None:
    """Show figures under their names beside each other, as many as there is room for."""
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        for label, value in figures.items():
            st.metric(label, value, width="content")


def fresh(until: datetime | None, *, what: str = "newest data") -> None:
    """Say how old the newest data is, and when this was drawn."""
    drawn = f"drawn at {datetime.now(UTC).astimezone(PARIS):%H:%M:%S} (Paris)"
    if until is None:
        st.caption(f"No data yet · {drawn}")
    else:
        st.caption(f"{what}: {until.astimezone(PARIS):%Y-%m-%d %H:%M} · {drawn}")


def _tell(part: str, found: str, remedy: str) -> None:
    tell_away(f"**{part}** cannot be shown: {found}")
    if remedy:
        st.caption(f"What to do: {remedy}. This page looks again every {_AGAIN_AFTER_S} s.")
