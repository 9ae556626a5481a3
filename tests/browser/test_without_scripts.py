"""Pages in a browser without JavaScript."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import NARROW, WIDE, Demo


@pytest.fixture
def page(browser: Browser, demo: Demo) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": WIDE, "height": 900}, java_script_enabled=False)
    demo.sign_in(page)
    yield page
    page.close()


def address_of_first_person(page: Page, demo: Demo) -> str:
    page.goto(f"{demo.url}/people/?state=active")
    return page.locator("#result_list .ramp-person-address").first.inner_text()


def test_card_is_issued_by_the_address_of_the_holder(page: Page, demo: Demo) -> None:
    address = address_of_first_person(page, demo)
    page.goto(f"{demo.url}/spend/cards/add/")
    page.get_by_placeholder("Email address").fill(address)
    page.get_by_label("Name").fill("Written by hand")
    page.get_by_label("Monthly limit").fill("12")
    page.get_by_role("button", name="Save").click()

    page.goto(f"{demo.url}/spend/cards/?q=Written")
    expect(page.locator("#result_list")).to_contain_text("Written by hand")


def test_department_is_bulk_edited_by_name(page: Page, demo: Demo) -> None:
    page.goto(f"{demo.url}/people/departments/")
    department = page.locator("#result_list tbody th a").first.inner_text()
    page.goto(f"{demo.url}/people/?state=active&q=Meyer")
    page.locator("input[name=_selected_action]").first.check()
    page.locator("select[name=action]").select_option(label="Edit")
    page.get_by_role("button", name="Run").click()

    page.get_by_placeholder("Name").first.fill(department)
    page.get_by_role("button", name="Preview").click()

    expect(page.locator("dl")).to_contain_text(department)


def test_organization_chart_opens_without_scripts(page: Page, demo: Demo) -> None:
    page.goto(f"{demo.url}/people/org-chart/")
    page.locator("summary").first.click()
    page.get_by_role("link", name="Show the reports of").first.click()

    expect(page.locator(".ramp-tree .ramp-tree")).to_be_visible()


def test_navigation_is_below_the_page_on_a_phone(page: Page, demo: Demo) -> None:
    page.set_viewport_size({"width": NARROW, "height": 844})
    people = page.get_by_role("navigation").get_by_role("link", name="People", exact=True)
    expect(people).not_to_be_in_viewport()

    page.get_by_role("link", name="Navigation").click()
    expect(people).to_be_in_viewport()
    people.click()

    expect(page.get_by_role("heading", level=1)).to_have_text("People")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_signing_out(page: Page, demo: Demo) -> None:
    page.get_by_role("button", name="Sign out").click()

    page.goto(f"{demo.url}/people/")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_several_people_can_be_deactivated(page: Page, demo: Demo) -> None:
    page.goto(f"{demo.url}/people/?state=active&q=Meyer")
    page.locator("input[name=_selected_action]").first.check()
    action = page.locator("select[name=action]")
    # No other element covers it.
    action.click(trial=True)
    action.select_option(label="Deactivate")
    page.get_by_role("button", name="Run").click()

    expect(page.get_by_role("button", name="Deactivate")).to_be_visible()
