"""Take a picture of a data set's group in the canvas of the NiFi of the settings, as nifi/README.md shows it.

python scripts/picture_flow.py [--dataset balance] [--out nifi/canvas.png]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from playwright.sync_api import sync_playwright
from take_screenshots import PATIENCE_MS, launch

from courant.nifi.flow import group_name
from courant.settings import PROJECT_ROOT, load_settings
from courant.stores.nifi import Nifi

VIEW = {"width": 2000, "height": 1240}
#: The canvas lays these over the flow.
PANELS = "navigation-control, operation-control, graph-controls {display: none !important}"


def main() -> None:
    """Open the group, wait until it is drawn, and keep what is seen."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset", default="balance")
    parser.add_argument("--out", type=Path, default=PROJECT_ROOT / "nifi" / "canvas.png")
    arguments = parser.parse_args()
    settings = load_settings()
    group = Nifi(settings).find(group_name(arguments.dataset))
    with sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_page(viewport=VIEW)
        page.goto(f"{settings.nifi.url.rstrip('/')}/nifi/#/process-groups/{group}", timeout=PATIENCE_MS)
        page.locator("g.processor").first.wait_for(timeout=PATIENCE_MS)
        page.add_style_tag(content=PANELS)
        page.wait_for_load_state("networkidle", timeout=PATIENCE_MS)
        page.screenshot(path=arguments.out, timeout=PATIENCE_MS)
        browser.close()


if __name__ == "__main__":
    main()
