"""Team updates in a dialog and as a page."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.accessibility import axe_violations
from tests.browser.conftest import NARROW, Demo


@pytest.fixture
def dialog(page: Page, demo: Demo) -> Locator:
    demo.continue_session(page)
    page.goto(f"{demo.url}/people/")
    page.get_by_role("link", name="need attention").click()
    return page.get_by_role("dialog", name="Team updates")


def test_dialog_opens_at_the_tab_that_needs_attention(dialog: Locator) -> None:
    expect(dialog.locator("[aria-current]")).to_contain_text("Sync errors")


def test_tabs_open_in_the_dialog(page: Page, demo: Demo, dialog: Locator) -> None:
    for tab in ("Inactive users", "Sync errors", "Pending invites"):
        dialog.get_by_role("link", name=tab).click()
        expect(dialog.locator("[aria-current]")).to_contain_text(tab)

    assert page.url == f"{demo.url}/people/"
    assert axe_violations(page) == []


def test_closing_the_dialog_returns_the_focus(page: Page, dialog: Locator) -> None:
    opener = page.get_by_role("link", name="need attention")
    expect(dialog.get_by_role("heading", name="Team updates")).to_be_focused()

    page.keyboard.press("Escape")

    expect(dialog).to_have_count(0)
    expect(opener).to_be_focused()
    page.keyboard.press("Enter")
    dialog.get_by_role("button", name="Close").click()
    expect(opener).to_be_focused()


def test_search_stays_in_the_dialog(page: Page, dialog: Locator) -> None:
    dialog.get_by_role("link", name="Pending invites").click()
    expect(dialog.locator("[aria-current]")).to_contain_text("Pending invites")
    dialog.get_by_label("Search", exact=True).fill("xyzzy")
    page.keyboard.press("Enter")

    expect(dialog.get_by_text("No invite matches")).to_be_visible()
    dialog.get_by_role("link", name="Show all invites").click()
    expect(dialog.locator("tbody tr").first).to_be_visible()


def test_retrying_a_sync_error_in_the_dialog(page: Page, dialog: Locator) -> None:
    dialog.get_by_role("link", name="Sync errors").click()
    dialog.get_by_role("row", name="Invalid role").get_by_role("button", name="Retry").click()
    expect(page.get_by_text("Refused again: User is not eligible")).to_be_visible()
    expect(page.get_by_text("SUPER_ADMIN").first).to_be_visible()

    page.get_by_role("dialog").get_by_role("link", name="Team updates").click()

    expect(dialog.locator("[aria-current]")).to_contain_text("Sync errors")


def test_dialog_opens_as_a_page(page: Page, demo: Demo, dialog: Locator) -> None:
    dialog.get_by_role("link", name="Inactive users").click()
    expect(dialog.locator("[aria-current]")).to_contain_text("Inactive users")

    dialog.get_by_role("link", name="Open as page").click()

    page.wait_for_url(f"{demo.url}/people/updates/inactive/")


def test_copying_an_invite_link(page: Page, dialog: Locator) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    dialog.get_by_role("link", name="Pending invites").click()

    dialog.get_by_role("link", name="Copy link").first.click()

    expect(dialog.get_by_role("status").get_by_text("Copied")).to_be_visible()
    assert "/invite/" in page.evaluate("navigator.clipboard.readText()")
    assert axe_violations(page) == []


def test_invite_link_is_selectable_without_clipboard_access(
    page: Page, demo: Demo, dialog: Locator
) -> None:
    page.evaluate("delete Navigator.prototype.clipboard")
    dialog.get_by_role("link", name="Pending invites").click()

    dialog.get_by_role("link", name="Copy link").first.click()

    link = page.get_by_role("textbox", name="Invite link")
    assert "/invite/" in link.input_value()
    page.get_by_role("button", name="Copy: Invite link").click()
    expect(page.get_by_role("button", name="Copy: Invite link")).to_have_text("Press Ctrl+C")


def test_dialog_fits_a_phone(page: Page, demo: Demo) -> None:
    page.set_viewport_size({"width": NARROW, "height": 800})
    demo.continue_session(page)
    page.goto(f"{demo.url}/people/")

    page.get_by_role("link", name="need attention").click()

    expect(page.get_by_role("dialog")).to_be_visible()
    assert page.get_by_role("dialog").evaluate("one => one.scrollWidth <= window.innerWidth")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_pages_work_without_javascript(page: Page, demo: Demo) -> None:
    demo.continue_session(page)
    assert page.context.browser
    plain = page.context.browser.new_context(
        java_script_enabled=False, storage_state=page.context.storage_state()
    ).new_page()
    plain.goto(f"{demo.url}/people/")

    plain.get_by_role("link", name="need attention").click()
    plain.get_by_role("link", name="Pending invites").click()
    plain.get_by_role("link", name="Copy link").first.click()
    assert "/invite/" in plain.get_by_role("textbox", name="Invite link").input_value()

    plain.get_by_role("link", name="Team updates").first.click()
    plain.get_by_role("link", name="Sync errors").click()
    plain.get_by_role("link", name="Dismiss").first.click()

    expect(plain.get_by_label("Reason")).to_be_visible()
    plain.close()
