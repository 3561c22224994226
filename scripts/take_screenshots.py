"""Take a picture of each screen of the dashboard, as the README shows them, from a dashboard that runs.

python scripts/take_screenshots.py [SCREEN ...] [--address http://127.0.0.1:8501] [--out docs/screenshots] [--still]
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path

try:
    from playwright.sync_api import Browser, Error, Page, Playwright, sync_playwright
except ImportError:
    sys.exit("Playwright is missing: `make setup` installs it")

FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
#: Each screen, and what it says last, or only with data; the live one comes last: by then records have arrived.
SCREENS = {
    "explore": "Power ranges on",
    "forecast": "All runs, plots and models",
    "segments": "Days of each series",
    "health": "Drift, by the newest check",
    "live": "Newest readings",
}
PATIENCE_MS = 60_000
WIDE, NARROW = {"width": 1280, "height": 1000}, {"width": 390, "height": 900}
TALL = {"explore": 1640}  # else the map would not be seen


def main() -> None:
    """Picture all screens wide, the live one narrow and dark too."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--address", default="http://127.0.0.1:8501")
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).resolve().parents[1] / "docs" / "screenshots"
    )
    parser.add_argument("--still", action="store_true", help="nothing arrives: do not wait for it")
    parser.add_argument(
        "screens", nargs="*", metavar="SCREEN", help=f"of {', '.join(SCREENS)}; all if left out"
    )
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = launch(playwright)
        for name in arguments.screens or SCREENS:
            path = arguments.out / f"{name}.png"
            page = browser.new_page(viewport=WIDE | {"height": TALL.get(name, WIDE["height"])})
            picture(page, arguments.address, name, path, is_still=arguments.still)
        if not arguments.screens:
            page = browser.new_page(viewport=NARROW, color_scheme="dark")
            path = arguments.out / "live_narrow.png"
            picture(page, arguments.address, "live", path, is_still=arguments.still)
        browser.close()


def launch(playwright: Playwright) -> Browser:
    """Start the machine's browser, else Playwright's own."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not found and not Path(playwright.chromium.executable_path).exists():
        sys.exit("no browser is there: install chromium (Debian and Ubuntu: apt-get install chromium)")
    return playwright.chromium.launch(executable_path=found, args=list(FLAGS))


def picture(page: Page, address: str, name: str, path: Path, *, is_still: bool) -> None:
    """Open a screen, wait until its charts are drawn and nothing is at work, and keep what is seen."""
    open_patiently(page, f"{address}/{'' if name == 'live' else name}")
    page.get_by_role("heading", level=1).wait_for()
    page.get_by_text(SCREENS[name]).first.wait_for(timeout=PATIENCE_MS)
    page.wait_for_function("() => !document.querySelector('[data-testid=stSkeleton]')", timeout=PATIENCE_MS)
    if page.locator("[data-testid=stVegaLiteChart]").count():
        page.locator(
            "[data-testid=stVegaLiteChart] canvas, [data-testid=stVegaLiteChart] svg"
        ).first.wait_for()
    if name == "live" and not is_still:
        page.get_by_text("Nothing has arrived").wait_for(state="hidden", timeout=PATIENCE_MS)
    page.wait_for_timeout(1500)  # a chart fades in
    page.screenshot(path=path)
    page.close()


def open_patiently(page: Page, address: str) -> None:
    """Open a page; wait for a server that is just starting."""
    until = time.monotonic() + PATIENCE_MS / 1000
    while True:
        try:
            page.goto(address)
        except Error as error:
            if "ERR_CONNECTION_REFUSED" not in error.message or time.monotonic() > until:
                raise
            time.sleep(0.3)
        else:
            return


if __name__ == "__main__":
    main()
