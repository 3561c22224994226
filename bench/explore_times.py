"""How long the Explore screen takes: its script alone, and what a person in front of a browser waits."""

from __future__ import annotations

import itertools
import logging
import os
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from playwright.sync_api import Browser, Page
from records import FIRST_DAY, SEED
from served import Server, await_drawn, open_screen

from courant.domain.contract import Contract
from courant.settings import PROJECT_ROOT, Settings

SCREEN = PROJECT_ROOT / "dashboard" / "screens" / "explore.py"
CHARTS = 4  # curves, calendar, map, ranking; power ranges are drawn when a region is chosen
WARM_UP = 2
_REGION, _PROFILE = 0, 1  # the select boxes, in their order


@dataclass(frozen=True, slots=True)
class Timed:
    """The times of one question, in s."""

    what: str
    seconds: list[float]


def script_times(settings: Settings, *, days: int, asks: int) -> list[Timed]:
    """Run the screen's script with AppTest, all of Streamlit's data caches cleared before each run."""
    os.environ["COURANT_HOME"] = str(settings.home)
    sys.path.insert(0, str(PROJECT_ROOT))  # before this folder, whose dashboard.py is not the package
    logging.disable(logging.WARNING)  # each run would be told that there is no server
    import streamlit as st  # noqa: PLC0415 - not before the path is right
    from streamlit.testing.v1 import AppTest  # noqa: PLC0415

    found = []
    for what, change in _QUESTIONS(days).items():
        screen = AppTest.from_file(str(SCREEN), default_timeout=60).run()
        change(screen)
        seconds = []
        for _ in range(WARM_UP + asks):
            st.cache_data.clear()
            started = time.perf_counter()
            screen.run()
            seconds.append(time.perf_counter() - started)
            if screen.exception or screen.warning:
                raise SystemExit(f"Explore failed: {screen.exception} {screen.warning}")
        found.append(Timed(f"script: {what}", seconds[WARM_UP:]))
    return found


def _QUESTIONS(days: int):  # noqa: N802 - a table that needs the days
    last = FIRST_DAY + timedelta(days=days - 1)

    def all_days(screen):
        screen.date_input[0].set_value((FIRST_DAY, last))

    def one_series(screen):
        all_days(screen)
        screen.selectbox[_REGION].select("11")

    return {
        "as it opens (7 days, all regions)": lambda _screen: None,
        f"{days} days, all regions": all_days,
        f"{days} days, a region, its power ranges": one_series,
    }


def browser_times(opened: Browser, server: Server, contract: Contract, *, asks: int) -> list[Timed]:
    """Open the page anew, then change the profile or the region, each time to a pair that nobody asked for before."""
    page = opened.new_page(viewport={"width": 1280, "height": 1000})
    opening = [_clocked(lambda: _open(page, server)) for _ in range(WARM_UP + asks)]
    changing = [
        _clocked(lambda: _choose(page, *change))  # noqa: B023 - called at once
        for change in itertools.islice(_changes(contract), WARM_UP + asks)
    ]
    page.close()
    return [
        Timed("browser: page opened, all charts drawn", opening[WARM_UP:]),
        Timed("browser: another profile or region, all charts drawn", changing[WARM_UP:]),
    ]


def _open(page: Page, server: Server) -> None:
    open_screen(page, server, "explore")
    await_drawn(page, charts=CHARTS)


def _changes(contract: Contract) -> Iterator[tuple[int, str]]:
    """Walk at random through pairs of region and profile, by turns one of them, never to a pair a second time."""
    chance = random.Random(SEED)
    names = {
        _REGION: [name for _, name in contract.dimension("region").members],
        _PROFILE: [name for (name,) in contract.dimension("profile").members],
    }
    now, seen = {_REGION: "", _PROFILE: ""}, set()
    for box in itertools.cycle((_REGION, _PROFILE)):
        left = [name for name in names[box] if tuple((now | {box: name}).values()) not in seen]
        now[box] = chance.choice(left)
        seen.add(tuple(now.values()))
        yield box, now[box]


def _choose(page: Page, box: int, option: str) -> None:
    page.locator("[data-testid=stSelectbox] input").nth(box).click()
    page.keyboard.type(option)
    page.get_by_role("option", name=option, exact=True).click()
    page.wait_for_function(  # else the page that was there would count as drawn
        "() => document.querySelector('[data-testid=stApp]')?.dataset.testScriptState === 'running'",
        polling="raf",
        timeout=5_000,
    )
    await_drawn(page, charts=CHARTS)


def _clocked(act) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started
