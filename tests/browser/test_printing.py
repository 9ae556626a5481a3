"""Printed pages."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Demo

# About as many pixels as a sheet of paper is wide.
PAPER = 720


@pytest.mark.parametrize("address", ["/people/", "/spend/cards/", "/people/updates/errors/"])
def test_printed_page_shows_only_the_title_and_the_whole_table(
    page: Page, demo: Demo, address: str
) -> None:
    demo.continue_session(page)
    page.goto(demo.url + address)
    page.emulate_media(media="print")
    page.set_viewport_size({"width": PAPER, "height": 1000})

    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_role("columnheader").last).to_be_visible()
    expect(page.get_by_role("navigation")).to_have_count(0)
    expect(page.locator("#main").get_by_role("button")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") <= PAPER
