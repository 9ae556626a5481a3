"""Time zones of displayed times."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Demo


@pytest.fixture
def open_in(browser: Browser, demo: Demo) -> Iterator[Callable[..., Page]]:
    """Sign in with a browser in this time zone."""
    contexts = []

    def open_in(zone: str, *, has_scripts: bool = True) -> Page:
        context = browser.new_context(timezone_id=zone, java_script_enabled=has_scripts)
        contexts.append(context)
        page = context.new_page()
        demo.sign_in(page)
        return page

    yield open_in
    for context in contexts:
        context.close()


@pytest.mark.parametrize(("zone", "shown"), [("Asia/Kolkata", "UTC+5:30"), ("Asia/Tokyo", "UTC+9")])
def test_times_are_in_the_time_zone_of_the_browser(
    open_in: Callable[..., Page], demo: Demo, zone: str, shown: str
) -> None:
    page = open_in(zone)

    page.goto(f"{demo.url}/account/")

    expect(page.locator("time").first).to_contain_text(shown)


def test_times_are_in_utc_without_scripts(open_in: Callable[..., Page], demo: Demo) -> None:
    page = open_in("Asia/Tokyo", has_scripts=False)

    page.goto(f"{demo.url}/account/")

    expect(page.locator("time").first).to_contain_text("UTC")
    expect(page.locator("time").first).not_to_contain_text("+")


def test_times_are_in_the_time_zone_of_the_preferences(
    open_in: Callable[..., Page], demo: Demo
) -> None:
    page = open_in("Asia/Tokyo")
    page.goto(f"{demo.url}/account/preferences/")
    page.get_by_label("Time zone").fill("America/St_Johns")
    page.get_by_role("button", name="Save").click()

    expect(page.locator("time").first).to_contain_text("UTC-3:30")

    page.goto(f"{demo.url}/account/preferences/")
    page.get_by_label("Time zone").fill("")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("time").first).to_contain_text("UTC+9")
