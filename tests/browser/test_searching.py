"""The search dialog."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Demo
from tests.browser.test_every_page import NOTE_WHAT_THE_POLICY_BLOCKS, problems


@pytest.fixture
def people(page: Page, demo: Demo) -> Page:
    page.add_init_script(NOTE_WHAT_THE_POLICY_BLOCKS)
    demo.continue_session(page)
    page.goto(f"{demo.url}/people/")
    return page


def dialog(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Search")


def field(page: Page) -> Locator:
    return page.get_by_role("searchbox", name="Search everything")


def first_person(page: Page) -> tuple[str, str]:
    """Return the name and the address of the first person of the list."""
    row = page.locator("#result_list .ramp-person").first
    return row.locator("bdi").inner_text(), row.locator(".ramp-person-address").inner_text()


@pytest.mark.parametrize("key", ["Control+k", "Meta+k", "/"])
def test_shortcut_opens_the_dialog_and_enter_opens_the_first_result(people: Page, key: str) -> None:
    name, address = first_person(people)
    people.keyboard.press(key)
    expect(field(people)).to_be_focused()

    people.keyboard.type(address)
    expect(dialog(people).get_by_role("link", name=name)).to_be_visible()
    people.keyboard.press("Enter")

    expect(people.get_by_role("heading", level=1)).to_have_text(name)


def test_enter_works_before_the_results_are_loaded(people: Page) -> None:
    name, address = first_person(people)
    people.keyboard.press("Control+k")
    field(people).fill(address)
    people.keyboard.press("Enter")

    expect(people.get_by_role("heading", level=1)).to_have_text(name)


def test_arrow_keys_move_between_results(people: Page) -> None:
    people.keyboard.press("Control+k")
    people.keyboard.type("token")
    links = dialog(people).get_by_role("link")
    expect(links.nth(1)).to_be_visible()
    titles = links.all_inner_texts()

    people.keyboard.press("ArrowDown")
    expect(links.nth(0)).to_be_focused()
    people.keyboard.press("ArrowDown")
    expect(links.nth(1)).to_be_focused()
    people.keyboard.press("ArrowUp")
    people.keyboard.press("ArrowUp")
    expect(field(people)).to_be_focused()
    for _ in range(len(titles) + 3):
        people.keyboard.press("ArrowDown")
    expect(links.last).to_be_focused()
    people.keyboard.type("s")
    expect(field(people)).to_have_value("tokens")
    people.keyboard.press("ArrowDown")
    expect(links.first).to_be_focused()
    people.keyboard.press("Enter")

    expect(people.get_by_role("heading", level=1)).to_contain_text("tokens")


def test_status_announces_the_number_of_results(people: Page) -> None:
    people.keyboard.press("Control+k")
    people.keyboard.type("token")
    status = dialog(people).get_by_role("status")
    expect(status).to_contain_text("results for “token”")
    found = dialog(people).locator("a").count()
    expect(status).to_have_text(f"{found} results for “token”")

    field(people).fill("xyzzy")
    expect(dialog(people).get_by_role("status")).to_have_text("No results for “xyzzy”")


@pytest.mark.parametrize("closing", ["Escape", "Close", "outside"])
def test_closing_returns_the_focus(people: Page, closing: str) -> None:
    opener = people.get_by_role("link", name="Search", exact=True)
    opener.click()
    people.keyboard.type("okta")
    expect(dialog(people).get_by_role("link").first).to_be_visible()

    match closing:
        case "Escape":
            people.keyboard.press("Escape")
        case "Close":
            dialog(people).get_by_role("button", name="Close").click()
        case _:
            people.mouse.click(5, 5)

    expect(dialog(people)).to_be_hidden()
    expect(opener).to_be_focused()


def test_slash_in_a_field_does_not_open_the_dialog(people: Page) -> None:
    search = people.locator("#searchbar")
    search.click()
    people.keyboard.type("a/b")

    expect(search).to_have_value("a/b")
    expect(dialog(people)).to_be_hidden()


def test_slash_shortcut_can_be_turned_off(people: Page, demo: Demo) -> None:
    people.keyboard.press("/")
    dialog(people).get_by_label("The key / opens the search").uncheck()
    people.goto(f"{demo.url}/people/")
    people.keyboard.press("/")
    expect(dialog(people)).to_be_hidden()
    expect(people.locator("#searchbar")).not_to_be_focused()

    people.keyboard.press("Control+k")
    expect(dialog(people)).to_be_visible()
    dialog(people).get_by_label("The key / opens the search").check()


def test_dialog_is_closed_after_navigating_back(people: Page) -> None:
    people.keyboard.press("Control+k")
    people.keyboard.type("departments")
    expect(dialog(people).get_by_role("link", name="Departments")).to_be_visible()
    people.keyboard.press("Enter")
    expect(people.get_by_role("heading", level=1)).to_have_text("Departments")
    people.go_back()

    expect(dialog(people)).to_be_hidden()


def test_dialog_asks_to_sign_in_after_the_session_ended(people: Page) -> None:
    people.context.clear_cookies()
    people.keyboard.press("Control+k")
    people.keyboard.type("okta")

    expect(people.get_by_role("button", name="Sign in")).to_be_visible()


def test_dialog_is_accessible_and_fits_the_window(people: Page) -> None:
    people.keyboard.press("Control+k")
    people.keyboard.type("token")
    expect(dialog(people).get_by_role("link").first).to_be_visible()

    assert problems(people) == []
