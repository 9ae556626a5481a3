import json
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Cookie, Page, expect, sync_playwright

from tests.conftest import Servers

WIDE, NARROW = 1440, 390
# As long as Playwright waits for everything else: how busy the machine is says nothing about Ramp.
expect.set_options(timeout=30_000)
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
# Gives one of each kind a name of 60 characters, which some page would not hold otherwise.
LONG_NAMES = """
from people.models import Card, Department, Entity, Fund, Location, Person, Role, Workflow
from people.tenancy import across_tenants
with across_tenants():
    name = "Transcontinental Infrastructure-Modernization and Planning 7"
    person = Person.objects.filter(state="active", cards__isnull=False).order_by("family_name")[0]
    Person.objects.filter(pk=person.pk).update(
        given_name="Alexandrina Wilhelmina-Josefine", family_name="Aabenraa-Featherstonehaughford",
        email="alexandrina.wilhelmina-josefine.aabenraa@lumen.example",
        email_key="alexandrina.wilhelmina-josefine.aabenraa@lumen.example")
    for model in (Department, Location, Entity, Role, Card, Fund, Workflow):
        model.objects.filter(pk=model.objects.order_by("pk")[0].pk).update(name=name)
    Person.objects.filter(pk=person.pk).update(
        department=Department.objects.get(name=name), location=Location.objects.get(name=name))
    Card.objects.filter(name=name).update(holder=person)
    Fund.objects.filter(name=name).update(owner=person)
    Person.objects.filter(manager=person.manager).exclude(pk=person.pk).update(manager=person)
"""


@dataclass(frozen=True)
class Demo:
    """A running Ramp with example people, and who administers them."""

    url: str
    email: str
    password: str
    _cookies: list[Cookie] = field(default_factory=list, repr=False)

    def sign_in(self, page: Page) -> None:
        page.goto(f"{self.url}/sign-in/")
        page.get_by_label("Email address").fill(self.email)
        page.get_by_label("Password").fill(self.password)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{self.url}/overview/")

    def continue_session(self, page: Page) -> None:
        """Let the administrator in without the form, for tests that do not end the session.

        Signing in takes as long as three other pages: the password's digest is slow on purpose.
        """
        if not self._cookies:
            self.sign_in(page)
            self._cookies.extend(page.context.cookies(self.url))
        # Playwright has one type for cookies that are read, and another for those that are set.
        page.context.add_cookies(self._cookies)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def demo(session_servers: Servers) -> Demo:
    server = session_servers.start("sqlite")
    access = json.loads(server.manage("seed_demo"))
    server.manage("shell", "--command", LONG_NAMES)
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
    yield page
    page.close()
