"""Take a picture of each screen of the dashboard, as the README shows them, from a dashboard that runs.

python scripts/take_screenshots.py [--address http://127.0.0.1:8501] [--out docs/screenshots]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
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


def main() -> None:
    """Picture all screens wide, the live one narrow and dark too."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--address", default="http://127.0.0.1:8501")
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).resolve().parents[1] / "docs" / "screenshots"
    )
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM) if CHROMIUM.exists() else None, args=list(FLAGS)
        )
        for name in SCREENS:
            picture(browser.new_page(viewport=WIDE), arguments.address, name, arguments.out / f"{name}.png")
        page = browser.new_page(viewport=NARROW, color_scheme="dark")
        picture(page, arguments.address, "live", arguments.out / "live_narrow.png")
        browser.close()


def picture(page: Page, address: str, name: str, path: Path) -> None:
    """Open a screen, wait until its charts are drawn and nothing is at work, and keep what is seen."""
    page.goto(f"{address}/{'' if name == 'live' else name}")
    page.get_by_role("heading", level=1).wait_for()
    page.get_by_text(SCREENS[name]).first.wait_for(timeout=PATIENCE_MS)
    page.wait_for_function("() => !document.querySelector('[data-testid=stSkeleton]')", timeout=PATIENCE_MS)
    if page.locator("[data-testid=stVegaLiteChart]").count():
        page.locator(
            "[data-testid=stVegaLiteChart] canvas, [data-testid=stVegaLiteChart] svg"
        ).first.wait_for()
    if name == "live":
        page.get_by_text("Nothing has arrived").wait_for(state="hidden", timeout=PATIENCE_MS)
    page.wait_for_timeout(1500)  # a chart fades in
    page.screenshot(path=path)
    page.close()


if __name__ == "__main__":
    main()
