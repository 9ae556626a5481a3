"""The journeys of owners, administrators, employees and operators take few steps.

A journey begins on the first page after the sign-in, or on the page that a mail links to. No URL
is entered. The budget counts clicks, and fields that are filled in.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.browser.conftest import NARROW, Demo
from tests.browser.steps import Steps
from tests.clients.scim import PATCH, managed_by, someone
from tests.conftest import StartServer
from tests.replay.client import Client
from tests.services.fake_openid import CLIENT_ID, CLIENT_SECRET, OpenIdProvider
from tests.services.postgres_redis_smtp import Smtp, wait_until
from tests.services.server import Server

PASSWORD = "correct horse battery staple"
LAPTOP = ViewportSize(width=1280, height=800)
PHONE = ViewportSize(width=NARROW, height=844)
DARK = re.compile(r"^oklch\(0\.[12]")


@dataclass(frozen=True)
class Ramp:
    """A running Ramp: Lumen, the example company, is connected to Okta."""

    server: Server
    lumen: Demo
    okta: Client
    smtp: Smtp

    def add_company(self, slug: str) -> Demo:
        owner = ("--owner-email", f"olga@{slug}.example", "--owner-password", PASSWORD)
        self.server.manage("create_tenant", slug, "--name", slug.title(), *owner)
        return Demo(url=self.server.url, email=f"olga@{slug}.example", password=PASSWORD)

    def wait_for_mail(self, address: str) -> EmailMessage:
        wait_until(lambda: bool(self.smtp.to(address)), self.server.process, self.server.log)
        return self.smtp.to(address)[-1]

    def mailed_link(self, address: str) -> str:
        """Wait for the invite to the address, and return its link."""
        mail = self.wait_for_mail(address)
        text = mail.get_body(("plain",))
        assert text
        [link] = re.findall(r"http\S+/invite/\S+", text.get_content())
        return str(link)


@pytest.fixture(scope="module")
def ramp(start_server: StartServer, smtp_service: Smtp) -> Ramp:
    smtp_service.empty()
    server = start_server("sqlite", EMAIL_URL=smtp_service.url)
    access = json.loads(server.manage("seed_demo"))
    lumen = Demo(url=server.url, email=access["email"], password=access["password"])
    return Ramp(server, lumen, Client(f"{server.url}/scim/v2", access["token"]), smtp_service)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport=LAPTOP)
    yield page
    page.close()


def send(client: Client, method: str, path: str, body: Any = None) -> Any:
    payload = None if body is None else json.dumps(body).encode()
    answer = client.send(method, path, {}, payload)
    assert answer.status in (200, 201), answer.body
    return json.loads(answer.body)


def expect_heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


def number_of_problems(page: Page) -> int:
    attention = page.get_by_role("region", name="Needs attention")
    return int(attention.locator("h2 .ramp-count").inner_text())


def test_overview_shows_all_problems_without_scrolling(ramp: Ramp, page: Page) -> None:
    ramp.lumen.sign_in(page)
    page.goto(f"{ramp.server.url}/integrations/entra/")
    page.get_by_role("button", name="Create token and start setup").click()
    page.get_by_role("link", name="Overview", exact=True).click()

    attention = page.get_by_role("region", name="Needs attention").get_by_role("listitem")
    services = page.get_by_role("region", name="Connections and sign-in").get_by_role("listitem")
    expect(attention.filter(has_text="were refused")).to_be_visible()
    expect(
        attention.filter(has_text="The setup of Microsoft Entra is not finished")
    ).to_be_visible()
    expect(services).to_have_count(4)
    for line in [*attention.all(), *services.all()]:
        expect(line).to_be_in_viewport(ratio=1)


def test_owner_of_a_new_company_sends_the_first_invite(ramp: Ramp, page: Page) -> None:
    ramp.add_company("acme").sign_in(page)
    steps = Steps(page)
    checklist = page.get_by_role("region", name="Set up Ramp")
    expect(checklist.get_by_role("listitem").last).to_be_in_viewport(ratio=1)

    steps.click(checklist.get_by_role("link", name="Invite a person"))
    steps.fill(page.get_by_label("First name"), "Ida")
    steps.fill(page.get_by_label("Last name"), "Berg")
    steps.fill(page.get_by_label("Email address"), "ida@acme.example")
    steps.click(page.get_by_role("button", name="Invite"))
    expect_heading(page, "Ida Berg")
    steps.click(page.get_by_role("link", name="Overview", exact=True))

    expect(checklist.get_by_text("Done: Add the first people")).to_be_visible()
    assert ramp.mailed_link("ida@acme.example")
    assert steps.count <= 6, steps


def test_administrator_resolves_a_sync_error(ramp: Ramp, page: Page) -> None:
    ramp.lumen.sign_in(page)
    before = number_of_problems(page)
    steps = Steps(page)

    steps.click(page.get_by_role("link", name="Review sync errors"))
    row = page.get_by_role("row", name="Quentin Costa")
    steps.click(row.get_by_role("button", name="Invite anyway"))
    steps.click(page.get_by_role("link", name="Overview", exact=True))
    expect_heading(page, "Overview")

    assert number_of_problems(page) == before - 1
    assert ramp.mailed_link("quentin.costa.231@lumen.example")
    assert steps.count <= 4, steps


def test_owner_connects_okta(ramp: Ramp, page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ramp.add_company("borealis").sign_in(page)
    steps = Steps(page)

    steps.click(page.get_by_role("link", name="Choose a provider"))
    steps.click(page.get_by_role("link", name="Okta"))
    steps.click(page.get_by_role("button", name="Create token and start setup"))
    steps.click(page.get_by_role("button", name="Copy: Base URL"))
    base_url = page.evaluate("navigator.clipboard.readText()")
    steps.click(page.get_by_role("button", name="Copy: Token"))
    token = page.evaluate("navigator.clipboard.readText()")
    steps.click(page.get_by_role("link", name="Next: steps at the provider"))
    steps.click(page.get_by_role("link", name="Next: first request"))
    expect(page.get_by_role("heading", name="Waiting for the first request")).to_be_visible()
    send(Client(base_url, token), "GET", "/Users?count=1")

    # The page shows the request without a click.
    expect(page.get_by_role("heading", name="Requests received from Okta")).to_be_visible()
    assert steps.count <= 8, steps


def test_administrator_finds_why_a_person_cannot_sign_in(ramp: Ramp, page: Page) -> None:
    ada = someone("ada", **managed_by("nobody.knows@lumen.example"))
    send(ramp.okta, "POST", "/Users", ada)
    ramp.lumen.sign_in(page)
    steps = Steps(page)

    steps.click(page.get_by_role("link", name="Access diagnosis"))
    steps.fill(page.get_by_label("Email address, userName or name"), "ada@example.com")
    steps.press("Enter")
    cause = page.get_by_role("heading", name="nobody.knows@lumen.example is not in Ramp yet")
    expect(cause).to_be_in_viewport()
    assert ramp.smtp.to("ada@example.com") == []
    steps.click(page.get_by_role("link", name="View sync error"))
    steps.click(page.get_by_role("button", name="Invite anyway"))

    assert ramp.mailed_link("ada@example.com")
    assert steps.count <= 5, steps


def test_administrator_terminates_a_manager_with_a_handover(ramp: Ramp, page: Page) -> None:
    ramp.lumen.sign_in(page)
    steps = Steps(page)

    steps.press("Control+k")
    steps.type("mei kowalski")
    steps.press("Enter")
    expect_heading(page, "Mei Kowalski")
    steps.click(page.get_by_role("link", name="Terminate"))
    steps.click(page.get_by_role("link", name="Everything to Kofi Bianchi"))
    expect(page.get_by_text("Mei Kowalski is active in Okta")).to_be_visible()
    steps.click(page.get_by_role("button", name="Continue"))
    steps.fill(page.get_by_label("to confirm"), "Mei Kowalski")
    steps.click(page.get_by_role("button", name="Terminate"))

    expect(page.get_by_text("Mei Kowalski was terminated.")).to_be_visible()
    record = page.locator("section", has=page.get_by_role("heading", name="Handover"))
    expect(record).to_contain_text("Went to Kofi Bianchi")
    for held in ("Fund Learning", "Reports Isaac Andersson, Ulrike Eriksen", "Card Company card"):
        expect(record).to_contain_text(held)
    assert steps.count <= 8, steps


def test_administrator_restores_sixty_deactivated_people(ramp: Ramp, page: Page) -> None:
    # The other journeys use the first 60 users.
    users = send(ramp.okta, "GET", "/Users?count=200")["Resources"][60:]
    active = [user["id"] for user in users if user["active"]][:60]
    change = {"schemas": [PATCH], "Operations": [{"op": "replace", "value": {"active": False}}]}
    for user in active:
        send(ramp.okta, "PATCH", f"/Users/{user}", change)
    ramp.wait_for_mail(ramp.lumen.email)
    ramp.lumen.sign_in(page)
    steps = Steps(page)

    steps.click(page.get_by_role("link", name="Keep or restore"))
    steps.click(page.get_by_role("link", name="Restore all"))
    steps.click(page.get_by_role("button", name="Restore"))

    expect(page.get_by_role("heading", name="Restored by Olga Brandt")).to_be_visible()
    people = page.get_by_role("table", name="People of the bulk change").locator("tbody tr")
    for state in people.locator("td:nth-child(2)").all():
        expect(state).to_have_text("Active")
    assert steps.count <= 3, steps


def test_administrator_undoes_a_bulk_deactivation(ramp: Ramp, page: Page) -> None:
    ramp.lumen.sign_in(page)
    deactivate_a_page_of_people(page)
    page.goto(f"{ramp.server.url}/overview/")
    steps = Steps(page)

    steps.click(page.get_by_role("link", name="Bulk changes"))
    steps.click(page.get_by_role("link", name="Undo: 50 people deactivated"))
    steps.click(page.get_by_role("button", name="Undo"))

    expect(page.get_by_role("heading", name="Undone by Olga Brandt")).to_be_visible()
    people = page.get_by_role("table", name="People of the bulk change").locator("tbody tr")
    expect(people).to_have_count(50)
    for state in people.locator("td:nth-child(2)").all():
        expect(state).to_have_text("Active")
    assert steps.count <= 3, steps


def deactivate_a_page_of_people(page: Page) -> None:
    page.goto(urljoin(page.url, "/people/?state=active&role__exact=BUSINESS_USER"))
    page.get_by_label("Select all objects on this page").check()
    page.get_by_label("Select action to run").select_option(label="Deactivate")
    page.get_by_role("button", name="Run").click()
    page.get_by_role("button", name="Deactivate").click()
    expect(page.get_by_text("50 people were deactivated.")).to_be_visible()


def test_employee_accepts_an_invite(ramp: Ramp, page: Page) -> None:
    send(ramp.okta, "POST", "/Users", someone("eva"))
    page.goto(ramp.mailed_link("eva@example.com"))
    steps = Steps(page)

    steps.fill(page.get_by_label("Password").first, PASSWORD)
    steps.fill(page.get_by_label("Confirm password"), PASSWORD)
    steps.click(page.get_by_role("button", name="Join Lumen"))

    expect_heading(page, "Eva Lovelace")
    assert steps.count <= 3, steps


def test_owner_adds_and_tests_a_sign_in_provider(ramp: Ramp, page: Page, browser: Browser) -> None:
    openid = OpenIdProvider(user={"sub": "olga", "email": "olga@cumulus.example"})
    ramp.add_company("cumulus").sign_in(page)
    steps = Steps(page)

    steps.click(page.get_by_role("link", name="Auth providers"))
    steps.click(page.get_by_role("link", name="OpenID Connect"))
    redirect_uri = re.compile(f"^{re.escape(ramp.server.url)}/sign-in/cumulus/.*/callback/$")
    expect(page.get_by_label("Redirect URI", exact=True)).to_have_value(redirect_uri)
    steps.fill(page.get_by_label("Name", exact=False).first, "Corporate account")
    steps.fill(page.get_by_label("Issuer"), openid.url)
    steps.fill(page.get_by_label("Client ID"), CLIENT_ID)
    steps.fill(page.get_by_label("Client secret"), CLIENT_SECRET)
    steps.click(page.get_by_role("button", name="Add provider"))
    steps.click(page.get_by_role("button", name="Test sign-in"))

    expect(page.get_by_text("Draft.")).to_have_count(0)
    employee = browser.new_page()
    employee.goto(f"{ramp.server.url}/sign-in/cumulus/")
    expect(employee.get_by_role("link", name="Sign in with Corporate account")).to_be_visible()
    employee.close()
    openid.stop()
    assert steps.count <= 8, steps


def test_operator_adds_suspends_and_resumes_a_company(ramp: Ramp, page: Page) -> None:
    operator = ramp.add_company("operations")
    ramp.server.manage("make_operator", operator.email)
    page.goto(f"{ramp.server.url}/sign-in/")
    page.get_by_label("Email address").fill(operator.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{ramp.server.url}/tenants/")
    steps = Steps(page)

    steps.click(page.get_by_role("link", name="Add tenant"))
    for label, value in (
        ("Company name", "Initech"),
        ("Slug", "initech"),
        ("First name of the Owner", "Bill"),
        ("Last name of the Owner", "Lumbergh"),
        ("Email address of the Owner", "bill@initech.example"),
    ):
        steps.fill(page.get_by_label(label), value)
    steps.click(page.get_by_role("button", name="Add tenant"))
    assert ramp.mailed_link("bill@initech.example")

    steps.click(page.get_by_role("link", name="Suspend"))
    steps.click(page.get_by_role("button", name="Suspend"))
    expect(page.get_by_text("Initech is suspended.")).to_be_visible()
    steps.click(page.get_by_role("button", name="Resume"))
    expect(page.get_by_text("Initech is active again.")).to_be_visible()

    assert steps.count <= 10, steps


def test_finding_a_person_on_a_phone_in_dark_mode(ramp: Ramp, browser: Browser) -> None:
    phone = browser.new_page(viewport=PHONE, color_scheme="dark", has_touch=True, is_mobile=True)
    ramp.lumen.sign_in(phone)
    steps = Steps(phone)

    steps.click(phone.get_by_role("link", name="Search", exact=True))
    steps.fill(phone.get_by_role("searchbox", name="Search everything"), "aylin castillo")
    steps.click(phone.get_by_role("dialog").get_by_role("link", name="Aylin Castillo"))

    expect_page_of(phone, "Aylin Castillo")
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    expect(phone.locator("#main")).to_have_css("background-color", DARK)
    assert steps.count <= 4, steps
    phone.close()


def test_finding_a_person_by_keyboard(ramp: Ramp, page: Page) -> None:
    ramp.lumen.sign_in(page)
    steps = Steps(page)

    steps.press("Control+k")
    steps.type("aylin castillo")
    steps.press("Enter")
    expect_page_of(page, "Aylin Castillo")
    page.keyboard.press("Tab")
    steps.press("Enter")
    # “Skip to content” has skipped the navigation: only the header is before the person.
    for _ in range(3):
        page.keyboard.press("Tab")
    steps.press("Enter")

    expect_heading(page, "Edit Aylin Castillo")
    assert steps.count <= 5, steps


def test_finding_a_person_without_scripts(ramp: Ramp, browser: Browser) -> None:
    plain = browser.new_page(viewport=PHONE, java_script_enabled=False)
    ramp.lumen.sign_in(plain)
    steps = Steps(plain)

    steps.click(plain.get_by_role("main").get_by_role("link", name="Search"))
    steps.fill(plain.get_by_role("searchbox"), "aylin castillo")
    steps.press("Enter")
    steps.click(plain.get_by_role("link", name="Aylin Castillo"))

    expect_page_of(plain, "Aylin Castillo")
    assert plain.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert steps.count <= 4, steps
    plain.close()


def expect_page_of(page: Page, name: str) -> None:
    expect_heading(page, name)
    for part in ("Managed by Okta", "Roles", "Timeline"):
        expect(page.get_by_role("heading", name=part, exact=True)).to_be_visible()
