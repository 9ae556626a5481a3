"""Every page, light and dark, wide and narrow."""

from collections.abc import Iterator
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.browser.conftest import NARROW, WIDE, Demo

Scheme = Literal["light", "dark"]

PAGES = {
    "people": "/people/",
    "nobody found": "/people/?q=xyzzy",
    "invite": "/people/add/",
    "departments": "/people/departments/",
    "a department": "/people/departments/1/change/",
    "locations": "/people/locations/",
    "add a location": "/people/locations/add/",
    "entities": "/people/entities/",
    "home": "/home/",
    "pending invites": "/people/updates/",
    "inactive users": "/people/updates/inactive/",
    "sync errors": "/people/updates/errors/",
    "no errors found": "/people/updates/errors/?q=xyzzy",
}
OF_A_PERSON = {"a person": "", "edit": "edit/", "deactivate": "deactivate/"}


@pytest.fixture(
    scope="module",
    params=[("light", WIDE), ("dark", WIDE), ("light", NARROW), ("dark", NARROW)],
    ids=["light wide", "dark wide", "light narrow", "dark narrow"],
)
def visitor(browser: Browser, demo: Demo, request: pytest.FixtureRequest) -> Iterator[Page]:
    scheme, width = request.param
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    demo.sign_in(page)
    yield page
    page.close()


@pytest.mark.parametrize("address", PAGES.values(), ids=PAGES)
def test_is_readable_by_everybody_and_fits(visitor: Page, demo: Demo, address: str) -> None:
    visitor.goto(demo.url + address)

    assert obstacles(visitor) == []
    assert fits(visitor)


@pytest.mark.parametrize("rest", OF_A_PERSON.values(), ids=OF_A_PERSON)
def test_of_a_person_is_readable_by_everybody_and_fits(
    visitor: Page, demo: Demo, rest: str
) -> None:
    visitor.goto(f"{demo.url}/people/")
    person = visitor.locator("#result_list .field-name a").first.get_attribute("href")
    visitor.goto(f"{demo.url}{(person or '').split('?')[0]}{rest}")

    assert obstacles(visitor) == []
    assert fits(visitor)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_sign_in_is_readable_by_everybody(browser: Browser, demo: Demo, scheme: Scheme) -> None:
    page = browser.new_page(color_scheme=scheme)
    page.goto(f"{demo.url}/sign-in/")

    assert obstacles(page) == []
    page.close()


def obstacles(page: Page) -> list[str]:
    """Return what axe-core finds serious or critical: the rule, and where."""
    page.wait_for_function("!document.documentElement.hasAttribute('x-cloak')")
    violations = Axe().run(page).response["violations"]
    return [
        f"{violation['id']}: {node['html'][:200]}"
        for violation in violations
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


def fits(page: Page) -> bool:
    """Tell whether the page needs no scrolling sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))
