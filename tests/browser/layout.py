"""What does not fit on a page at some width."""

from pathlib import Path
from typing import Final

from playwright.sync_api import Page

WIDTHS: Final = (320, 420, 768, 1280, 1600)
CHECKS = Path(__file__).with_suffix(".js").read_text()


def layout_faults(page: Page) -> list[str]:
    """Return what needs scrolling sideways, is cut off, or has words broken inside, by width."""
    page.evaluate(CHECKS)
    found = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        found += [
            f"{width} pixels wide: {one}" for one in page.evaluate("pageChecks.layoutFaults()")
        ]
    return found
