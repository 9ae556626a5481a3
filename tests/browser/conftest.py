import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.conftest import Servers

WIDE, NARROW = 1440, 390
# Chromium would ask its maker for updates otherwise, and we may be root.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass(frozen=True)
class Demo:
    """A running Ramp with example people, and who administers them."""

    url: str
    email: str
    password: str

    def sign_in(self, page: Page) -> None:
        page.goto(f"{self.url}/sign-in/")
        page.get_by_label("Email address").fill(self.email)
        page.get_by_label("Password").fill(self.password)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{self.url}/overview/")


@pytest.fixture(scope="session")
def demo(session_servers: Servers) -> Demo:
    server = session_servers.start("sqlite")
    access = json.loads(server.manage("seed_demo"))
    return Demo(url=server.url, email=access["email"], password=access["password"])


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    """Start a browser for the tests of one file.

    Until Playwright is stopped its event loop runs in this thread, and as long Django would find
    another database connection in each context.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": WIDE, "height": 900})
    page.set_default_timeout(10_000)
    yield page
    page.close()
