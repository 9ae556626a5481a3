"""The search dialog …"""

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


def a_person(page: Page) -> tuple[str, str]:
    """Return the name and the address of the first person of the list."""
    row = page.locator("#result_list .ramp-person").first
    return row.locator("bdi").inner_text(), row.locator(".ramp-person-address").inner_text()


@pytest.mark.parametrize("key", ["Control+k", "Meta+k", "/"])
def test_opens_by_a_key_and_opens_the_first_result_by_enter(people: Page, key: str) -> None:
    name, address = a_person(people)
    people.keyboard.press(key)
    expect(field(people)).to_be_focused()

    people.keyboard.type(address)
    expect(dialog(people).get_by_role("link", name=name)).to_be_visible()
    people.keyboard.press("Enter")

    expect(people.get_by_role("heading", level=1)).to_have_text(name)


def test_opens_what_was_typed_before_the_results_are_there(people: Page) -> None:
    name, address = a_person(people)
    people.keyboard.press("Control+k")
    field(people).fill(address)
    people.keyboard.press("Enter")

    expect(people.get_by_role("heading", level=1)).to_have_text(name)


def test_lets_the_arrows_choose(people: Page) -> None:
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


def test_tells_screen_readers_how_much_was_found(people: Page) -> None:
    people.keyboard.press("Control+k")
    people.keyboard.type("token")
    status = dialog(people).get_by_role("status")
    expect(status).to_contain_text("results for “token”")
    found = dialog(people).locator("a").count()
    expect(status).to_have_text(f"{found} results for “token”")

    field(people).fill("xyzzy")
    expect(dialog(people).get_by_role("status")).to_have_text("No results for “xyzzy”")


@pytest.mark.parametrize("closing", ["Escape", "Close", "outside"])
def test_gives_the_focus_back(people: Page, closing: str) -> None:
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


def test_leaves_the_slash_to_fields(people: Page) -> None:
    search = people.locator("#searchbar")
    search.click()
    people.keyboard.type("a/b")

    expect(search).to_have_value("a/b")
    expect(dialog(people)).to_be_hidden()


def test_can_do_without_the_slash(people: Page, demo: Demo) -> None:
    people.keyboard.press("/")
    dialog(people).get_by_label("The key / opens the search").uncheck()
    people.goto(f"{demo.url}/people/")
    people.keyboard.press("/")
    expect(dialog(people)).to_be_hidden()
    expect(people.locator("#searchbar")).not_to_be_focused()

    people.keyboard.press("Control+k")
    expect(dialog(people)).to_be_visible()
    dialog(people).get_by_label("The key / opens the search").check()


def test_is_closed_when_the_visitor_comes_back(people: Page) -> None:
    people.keyboard.press("Control+k")
    people.keyboard.type("departments")
    expect(dialog(people).get_by_role("link", name="Departments")).to_be_visible()
    people.keyboard.press("Enter")
    expect(people.get_by_role("heading", level=1)).to_have_text("Departments")
    people.go_back()

    expect(dialog(people)).to_be_hidden()


def test_asks_to_sign_in_when_the_session_has_ended(people: Page) -> None:
    people.context.clear_cookies()
    people.keyboard.press("Control+k")
    people.keyboard.type("okta")

    expect(people.get_by_role("button", name="Sign in")).to_be_visible()


def test_is_readable_by_everybody_and_fits(people: Page) -> None:
    people.keyboard.press("Control+k")
    people.keyboard.type("token")
    expect(dialog(people).get_by_role("link").first).to_be_visible()

    assert problems(people) == []
