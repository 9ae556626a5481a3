"""The overview in a browser."""

from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import NARROW, Demo

Scheme = Literal["light", "dark"]
LAPTOP = {"width": 1280, "height": 800}
PHONE = {"width": NARROW, "height": 844}


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> Scheme:
    chosen: Scheme = request.param
    return chosen


@pytest.fixture(params=[LAPTOP, PHONE], ids=["laptop", "phone"])
def olga(
    request: pytest.FixtureRequest, browser: Browser, demo: Demo, scheme: Scheme
) -> Iterator[Page]:
    """Sign in, and stay on the first page."""
    page = browser.new_page(viewport=request.param, color_scheme=scheme)
    demo.sign_in(page)
    yield page
    page.close()


def test_first_items_and_their_links_are_visible_without_scrolling(olga: Page, demo: Demo) -> None:
    attention = olga.get_by_role("region", name="Needs attention")
    items = attention.get_by_role("listitem")

    expect(attention.get_by_role("heading")).to_be_in_viewport(ratio=1)
    expect(items.first).to_contain_text("changes from identity providers were refused")
    for item in items.all()[:3]:
        expect(item).to_be_in_viewport(ratio=1)
        expect(item.get_by_role("link")).to_be_in_viewport(ratio=1)
    assert olga.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_each_item_links_to_a_page_that_opens(page: Page, demo: Demo) -> None:
    demo.sign_in(page)
    attention = page.get_by_role("region", name="Needs attention")
    names = [link.inner_text() for link in attention.get_by_role("link").all()]
    assert len(names) >= 3

    for name in names:
        # Some links redirect, such as that of a setup to its current step.
        with page.expect_response(
            lambda response: (
                response.request.is_navigation_request() and not 300 <= response.status < 400
            )
        ) as led:
            attention.get_by_role("link", name=name).click()
        assert led.value.status == 200
        page.goto(f"{demo.url}/overview/")


def test_chart_is_also_available_as_a_table(page: Page, demo: Demo) -> None:
    demo.sign_in(page)
    month = page.get_by_role("region", name="People and sign-ins")

    month.get_by_text("Show as table").first.click()

    table = month.get_by_role("table").first
    expect(table.get_by_role("columnheader")).to_have_text(["Day (UTC)", "Arrived", "Left"])
    arrived = [int(cell.inner_text()) for cell in table.locator("tbody td:nth-child(2)").all()]
    expect(month).to_contain_text(f"Arrived: {sum(arrived)}")


def test_checklist_is_hidden_and_shown_with_one_click(page: Page, demo: Demo) -> None:
    demo.sign_in(page)
    checklist = page.get_by_role("region", name="Set up Ramp")
    expect(checklist).to_contain_text("Set up sign-in")

    page.get_by_role("button", name="Hide the setup checklist").click()
    expect(checklist).to_have_count(0)

    page.get_by_role("button", name="Show the setup checklist").click()
    expect(checklist).to_be_visible()
