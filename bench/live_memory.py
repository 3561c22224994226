"""What the live screen holds on to: the page's heap, the server's memory, and what a second tab costs."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from machine import console
from playwright.sync_api import Browser, CDPSession, Page
from report import Figures, median_and_worst
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


def memory_figures(runs: list[list[Look]]) -> Figures:
    """Tell the course of each part in each run."""
    rows = []
    for name, text in PARTS.items():
        *levels, slopes = zip(*(_course(looks, name) for looks in runs), strict=True)
        told = [median_and_worst(values, ",.1f") for values in levels]
        rows.append((text, *told, median_and_worst(slopes, "+.2f")))
    columns = ("", "first", "last", "lowest, first half", "lowest, second half", "highest", "slope a minute")
    return Figures(columns, rows)


def _course(looks: list[Look], name: str) -> tuple[float, ...]:
    """Give the first and last value, the lowest of both halves, the highest, and the least-squares slope a minute."""
    values = np.array([getattr(look, name) for look in looks], dtype=float)
    half = len(values) // 2
    slope = np.polyfit([look.at_s / 60 for look in looks], values, 1)[0]
    return values[0], values[-1], values[:half].min(), values[half:].min(), values.max(), slope


def tabs_figures(runs: list[list[Tabs]]) -> Figures:
    """Tell what each number of tabs costs."""
    rows = [
        (
            str(of_count[0].count),
            median_and_worst(one.to_kafka for one in of_count),
            median_and_worst(one.threads for one in of_count),
            median_and_worst((one.cpu_share for one in of_count), ".0%"),
            median_and_worst(one.pss for one in of_count),
        )
        for of_count in zip(*runs, strict=True)
    ]
    return Figures(("tabs", "connections to Kafka", "threads", "CPU, of a core", "PSS, MiB"), rows)
