"""Pages with a keyboard and a screen reader."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import WIDE, Demo

# Forms of every kind: of Django's admin, and of our own pages.
FORMS = {
    "a location": ("/people/locations/add/", "Save"),
    "an invite": ("/people/add/", "Invite"),
    "a card": ("/spend/cards/add/", "Save"),
    "an API token": ("/api-tokens/", "Create token"),
    "an internal user": ("/tenants/lumen/internal-users/add/", "Add"),
}


@pytest.fixture(params=[True, False], ids=["with scripts", "without scripts"])
def page(browser: Browser, demo: Demo, request: pytest.FixtureRequest) -> Iterator[Page]:
    page = browser.new_page(
        viewport={"width": WIDE, "height": 900}, java_script_enabled=request.param
    )
    demo.continue_session(page)
    yield page
    page.close()


def test_first_tab_stop_skips_the_navigation(page: Page, demo: Demo) -> None:
    page.goto(f"{demo.url}/people/")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to content")
    expect(skip).to_be_focused()

    page.keyboard.press("Enter")
    page.keyboard.press("Tab")

    expect(page.locator("#main :focus")).to_have_count(1)


@pytest.mark.parametrize(("address", "button"), FORMS.values(), ids=FORMS)
def test_form_errors_get_the_focus_and_link_to_the_fields(
    page: Page, demo: Demo, address: str, button: str
) -> None:
    page.goto(demo.url + address)
    send = page.get_by_role("button", name=re.compile(button)).first
    # Otherwise the browser itself would report the missing values.
    send.evaluate("(button) => (button.formNoValidate = true)")
    send.click()

    summary = page.get_by_role("alert", name="problem")
    expect(summary).to_be_focused()
    assert page.title().startswith("Error: ")

    # Without scripts, a text input replaces the autocomplete, so the last field is used.
    link = summary.get_by_role("link").last
    field = page.locator(f"[id='{(link.get_attribute('href') or '#').removeprefix('#')}']")
    described = field.locator("xpath=ancestor-or-self::*[@aria-describedby]").last.get_attribute(
        "aria-describedby"
    )
    assert any(page.locator(f"[id='{one}']").count() for one in (described or "").split())
    link.click()
    expect(field).to_be_focused()


def test_refused_sign_in_focuses_the_error(browser: Browser, demo: Demo) -> None:
    stranger = browser.new_page()
    stranger.goto(f"{demo.url}/sign-in/")
    stranger.get_by_label("Email address").fill(demo.email)
    stranger.get_by_label("Password").fill("wrong")
    stranger.get_by_role("button", name="Sign in").click()

    expect(stranger.get_by_role("alert")).to_be_focused()
    expect(stranger.get_by_role("alert")).to_contain_text("Incorrect email or password")
    assert stranger.title().startswith("Error: ")
    stranger.close()


@pytest.mark.parametrize("page", [True], indirect=True, ids=["with scripts"])
def test_filters_open_and_close_by_keyboard(page: Page, demo: Demo) -> None:
    page.goto(f"{demo.url}/people/")
    opener = page.get_by_role("button", name="Filters", exact=True)
    sheet = page.get_by_role("dialog", name="Filters")
    expect(sheet).to_be_hidden()

    opener.press("Enter")
    expect(sheet.locator(":focus")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    expect(opener).to_be_focused()

    opener.press("Enter")
    sheet.get_by_role("button", name="Close").press("Enter")
    expect(sheet).to_be_hidden()
    expect(opener).to_be_focused()


def test_filters_are_below_the_list_without_scripts(browser: Browser, demo: Demo) -> None:
    plain = browser.new_page(java_script_enabled=False)
    demo.continue_session(plain)
    plain.goto(f"{demo.url}/people/")
    plain.locator("#changelist-filter").get_by_label("Inactive").check()
    plain.get_by_role("button", name="Apply filters").click()

    expect(plain.get_by_role("link", name="Clear filters").first).to_be_visible()
    plain.close()
