"""The ten journeys of owners, administrators, employees, IT and operators, each with few steps …

The budget of a journey counts clicks, filled fields and Enter after the sign-in.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import NARROW, Demo
from tests.browser.steps import Steps
from tests.clients.scim import PATCH
from tests.conftest import StartServer
from tests.replay.client import Client
from tests.services.server import Server

PASSWORD = "correct horse battery staple"
OKTA = {"Content-Type": "application/scim+json", "Accept": "application/scim+json"}


@dataclass(frozen=True)
class Company:
    """The example company, a company of one, and an operator."""

    server: Server
    lumen: Demo
    okta: Client

    def enter(self, page: Page, email: str, *, first: str) -> Steps:
        """Sign in, and count the steps from the first page on."""
        page.goto(f"{self.server.url}/sign-in/")
        page.get_by_label("Email address").fill(email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{self.server.url}{first}")
        return begin(page)

    def enter_lumen(self, page: Page) -> Steps:
        self.lumen.sign_in(page)
        return begin(page)


def begin(page: Page) -> Steps:
    steps = Steps(page)
    page.reload()
    return steps


@pytest.fixture(scope="module")
def company(start_server: StartServer) -> Company:
    server = start_server("sqlite")
    access = json.loads(server.manage("seed_demo"))
    for slug, name in (("acme", "Acme"), ("operations", "Operations")):
        owner = ("--owner-email", f"{slug}@example.com", "--owner-password", PASSWORD)
        server.manage("create_tenant", slug, "--name", name, *owner)
    server.manage("make_operator", "operations@example.com")
    return Company(
        server,
        Demo(url=server.url, email=access["email"], password=access["password"]),
        Client(f"{server.url}/scim/v2", access["token"]),
    )


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(
        viewport={"width": NARROW, "height": 844}, color_scheme="dark", java_script_enabled=False
    )
    page.set_default_timeout(10_000)
    yield page
    page.close()


def heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


def test_an_owner_learns_what_to_set_up_first(company: Company, page: Page) -> None:
    steps = company.enter(page, "acme@example.com", first="/overview/")
    checklist = page.get_by_role("region", name="Set up Ramp")
    expect(checklist.get_by_text("Connect your identity provider")).to_be_in_viewport(ratio=1)

    checklist.get_by_role("link").first.click()
    page.get_by_role("link", name="Okta").first.click()

    expect(page.get_by_role("button", name="Create token and start setup")).to_be_visible()
    assert steps.count <= 2


def test_a_first_connection_waits_for_its_first_request(company: Company, page: Page) -> None:
    steps = company.enter(page, "acme@example.com", first="/overview/")

    page.get_by_role("link", name="Integrations").first.click()
    page.get_by_role("link", name="Okta").first.click()
    page.get_by_role("button", name="Create token and start setup").click()
    expect(page.get_by_label("Token", exact=True)).to_have_value(re.compile("^ramp_scim_"))
    assert steps.count <= 3


def test_an_administrator_reaches_the_remedy_on_monday(company: Company, page: Page) -> None:
    steps = company.enter_lumen(page)

    page.get_by_role("link", name="Review sync errors").click()
    page.get_by_role("table").get_by_role("link", name="Invalid manager").first.click()

    expect(page.get_by_role("heading", level=2).first).to_be_visible()
    assert steps.count <= 2


def test_an_administrator_learns_why_somebody_cannot_get_in(company: Company, page: Page) -> None:
    steps = company.enter_lumen(page)

    page.get_by_role("link", name="Access diagnosis").click()
    page.get_by_label("Email address, userName or name").fill("nobody@lumen.example")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=2).first).to_contain_text("nobody@lumen.example")
    assert steps.count <= 3


def test_an_administrator_hands_over_what_a_manager_holds(company: Company, page: Page) -> None:
    steps = company.enter_lumen(page)
    page.keyboard.press("Control+k")
    page.keyboard.type("viktor abebe")
    expect(page.get_by_role("dialog").get_by_role("link", name="Viktor Abebe")).to_be_visible()
    page.keyboard.press("Enter")
    heading(page, "Viktor Abebe")

    page.get_by_role("link", name="Terminate").click()
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("to confirm").fill("Viktor Abebe")
    page.get_by_role("button", name="Terminate").click()

    expect(page.get_by_text("Viktor Abebe was terminated.")).to_be_visible()
    expect(page.get_by_role("heading", name="Handover")).to_be_visible()
    assert steps.count <= 8


def test_an_administrator_restores_sixty_who_left_by_mistake(company: Company, page: Page) -> None:
    users = json.loads(company.okta.send("GET", "/Users?count=100", OKTA, None).body)["Resources"]
    active = [user["id"] for user in users if user["active"]][:60]
    change = {"schemas": [PATCH], "Operations": [{"op": "replace", "value": {"active": False}}]}
    for user in active:
        answer = company.okta.send("PATCH", f"/Users/{user}", OKTA, json.dumps(change).encode())
        assert answer.status == 200
    steps = company.enter_lumen(page)

    page.get_by_role("link", name="Keep or restore").click()
    page.get_by_role("link", name="Restore all").click()
    page.get_by_role("button", name="Restore").click()

    expect(page.locator("#bulk-change")).to_contain_text("restored", ignore_case=True)
    assert steps.count <= 3


def test_an_employee_joins_and_sees_what_they_have(company: Company, page: Page) -> None:
    company.lumen.sign_in(page)
    page.goto(f"{company.server.url}/people/updates/invites/")
    page.locator("a[href$='/link/']").first.click()
    link = page.get_by_role("textbox", name="Invite link").input_value()
    page.context.clear_cookies()
    page.goto(link)
    steps = begin(page)

    page.get_by_label("Password").first.fill(PASSWORD)
    page.get_by_label("Confirm password").fill(PASSWORD)
    page.get_by_role("button", name="Join Lumen").click()

    heading(page, "My profile")
    assert steps.count <= 5


def test_it_sees_every_value_before_anything_has_to_be_typed(company: Company, page: Page) -> None:
    steps = company.enter(page, "acme@example.com", first="/overview/")

    page.get_by_role("link", name="Auth providers").first.click()
    page.get_by_role("link", name="Okta").click()

    redirect_uri = re.compile(f"^{re.escape(company.server.url)}/sign-in/acme/.*/callback/$")
    expect(page.get_by_label("Redirect URI", exact=True)).to_have_value(redirect_uri)
    assert steps.count <= 2


def test_an_operator_adds_a_company(company: Company, page: Page) -> None:
    steps = company.enter(page, "operations@example.com", first="/tenants/")

    page.get_by_role("link", name="Add tenant").click()
    for label, value in (
        ("Company name", "Initech"),
        ("Slug", "initech"),
        ("First name of the Owner", "Bill"),
        ("Last name of the Owner", "Lumbergh"),
        ("Email address of the Owner", "bill@initech.example"),
    ):
        page.get_by_label(label).fill(value)
    page.get_by_role("button", name="Add tenant").click()

    expect(page.get_by_text("An invite is on its way to bill@initech.example")).to_be_visible()
    assert steps.count <= 7


def test_an_administrator_blocks_somebody_on_a_phone_without_scripts(
    company: Company, phone: Page
) -> None:
    company.lumen.sign_in(phone)
    phone.goto(f"{company.server.url}/search/?q=nikhil+novak")
    phone.get_by_role("link", name="Nikhil Novak").first.click()
    phone.get_by_role("link", name="Deactivate").click()
    phone.get_by_role("button", name="Deactivate").click()

    expect(phone.get_by_text("Nikhil Novak can no longer sign in or spend.")).to_be_visible()
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
