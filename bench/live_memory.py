"""What the live screen holds on to: the page's heap, the server's memory, and what a second tab costs."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from machine import console
from playwright.sync_api import Browser, CDPSession, Page
from rich.table import Table
from served import MIB, Server, await_drawn, open_screen

LOOK_EVERY_S = 10
CPU_OVER_S = 30
PARTS = {"heap": "page: JS heap after GC, MiB", "nodes": "page: nodes", "server": "server: PSS, MiB"}


@dataclass(frozen=True, slots=True)
class Look:
    """Both at one moment, in MiB."""

    at_s: float
    heap: float  # of JavaScript, after a forced garbage collection
    nodes: int  # of the document
    server: float  # PSS


@dataclass(frozen=True, slots=True)
class Tabs:
    """What the server has and does with so many tabs."""

    count: int
    to_kafka: int
    threads: int
    cpu_share: float  # of one core
    pss: float


def open_live(opened: Browser, server: Server) -> Page:
    """Open the live screen and wait until records have arrived on it."""
    page = opened.new_page(viewport={"width": 1280, "height": 1000})
    open_screen(page, server, "")
    page.get_by_text("Newest readings").wait_for(timeout=60_000)
    page.get_by_text("Nothing has arrived").wait_for(state="hidden", timeout=60_000)
    await_drawn(page, charts=1)
    return page


def count(server: Server, kafka_port: int, tabs: int) -> Tabs:
    """Count the server's threads and its connections to Kafka, and measure its CPU for half a minute."""
    before, started = server.cpu_s(), time.perf_counter()
    time.sleep(CPU_OVER_S)
    share = (server.cpu_s() - before) / (time.perf_counter() - started)
    return Tabs(tabs, server.connections_to(kafka_port), server.threads(), share, server.pss_mb())


def watch(page: Page, server: Server, minutes: float) -> list[Look]:
    """Look at the page and the server for so long, while it goes on."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    started, looks = time.monotonic(), []
    with console.status(f"watching for {minutes:g} minutes"):
        while (at_s := time.monotonic() - started) <= minutes * 60:
            looks.append(_look(session, server, at_s))
            page.wait_for_timeout(LOOK_EVERY_S * 1000)
    return looks


def _look(session: CDPSession, server: Server, at_s: float) -> Look:
    session.send("HeapProfiler.collectGarbage")
    found = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    return Look(at_s, found["JSHeapUsedSize"] / MIB, int(found["Nodes"]), server.pss_mb())


def memory_table(looks: list[Look]) -> Table:
    """Show each by the minute, and its slope."""
    minutes = looks[-1].at_s / 60
    table = Table(title=f"{minutes:.1f} minutes of live running, {len(looks)} looks", title_justify="left")
    for heading in ("minute", *PARTS.values()):
        table.add_column(heading, justify="right")
    for minute in range(round(minutes) + 1):
        look = min(looks, key=lambda one: abs(one.at_s - minute * 60))
        table.add_row(str(minute), *[f"{getattr(look, name):,.1f}" for name in PARTS])
    table.add_section()
    highest = [max(getattr(look, name) for look in looks) for name in PARTS]
    table.add_row("highest", *[f"{value:,.1f}" for value in highest])
    slopes = {name: _slope(looks, name) for name in PARTS}
    table.add_row("slope a minute", *[f"{slope:+.2f}" for slope in slopes.values()])
    halves = looks[: len(looks) // 2], looks[len(looks) // 2 :]
    for title, half in zip(("lowest of the first half", "of the second"), halves, strict=True):
        table.add_row(title, *[f"{min(getattr(look, name) for look in half):,.1f}" for name in PARTS])
    return table


def _slope(looks: list[Look], name: str) -> float:
    """Give the slope of the least-squares line, by the minute."""
    values = np.array([getattr(look, name) for look in looks], dtype=float)
    return float(np.polyfit([look.at_s / 60 for look in looks], values, 1)[0])


def tabs_table(found: list[Tabs]) -> Table:
    """Show what each number of tabs costs."""
    table = Table(title="The server by open tabs of the live screen", title_justify="left")
    for heading in ("tabs", "connections to Kafka", "threads", "CPU, % of a core", "PSS, MiB"):
        table.add_column(heading, justify="right")
    for one in found:
        table.add_row(
            str(one.count), str(one.to_kafka), str(one.threads), f"{one.cpu_share:.0%}", f"{one.pss:,.0f}"
        )
    return table
