"""Provisioned members of a real Active Directory, as an administrator and a member see them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.conftest import StartServer
from tests.services.active_directory import (
    BASE,
    PASSWORD,
    SERVICE,
    SERVICE_PASSWORD,
    ActiveDirectory,
)
from tests.services.server import Server

OWNER, OWNER_PASSWORD = "olga@acme.example.com", "correct horse battery"
TENANT = "/tenants/acme/"


@dataclass
class Company:
    server: Server
    samba: ActiveDirectory
    dora: str

    def open(self, page: Page, path: str) -> None:
        page.goto(f"{self.server.url}{path}")


@pytest.fixture(scope="module")
def company(request: pytest.FixtureRequest, start_server: StartServer) -> Iterator[Company]:
    assert request.config.cache is not None
    samba = ActiveDirectory(request.config.cache.mkdir("samba"))
    server = start_server("sqlite", SSL_CERT_FILE=str(samba.certificate))
    owner = ("--owner-email", OWNER, "--owner-password", OWNER_PASSWORD, "--currency", "EUR")
    server.manage("create_tenant", "acme", "--name", "Acme", *owner)
    dora = samba.add_person("dora", "Dora", "Draft")
    inner = samba.add_group("payables", dora)
    samba.add_group("Finance", inner, samba.add_person("fred", "Fred", "First"))
    yield Company(server, samba, dora)
    samba.stop()


@pytest.fixture
def olga(company: Company, page: Page) -> Page:
    company.open(page, "/sign-in/acme/?form")
    page.get_by_label("Email address").fill(OWNER)
    page.get_by_label("Password").fill(OWNER_PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(f"{company.server.url}/overview/")
    return page


@pytest.fixture
def doras_page(browser: Browser) -> Iterator[Page]:
    """Open a browser for Dora."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    yield page
    context.close()


def sign_in(company: Company, doras_page: Page, login: str) -> None:
    doras_page.context.clear_cookies()
    company.open(doras_page, "/sign-in/acme/")
    doras_page.get_by_role("link", name="Sign in with AD").click()
    doras_page.get_by_label("User name").fill(login)
    doras_page.get_by_label("Password").fill(PASSWORD)
    doras_page.get_by_role("button", name="Sign in").click()


def set_up(company: Company, olga: Page) -> None:
    """Add the directory with only a server and a service account, and test it as Dora."""
    company.open(olga, f"{TENANT}auth-providers/")
    olga.get_by_role("link", name="Active Directory", exact=True).click()
    olga.locator("#id_name").fill("AD")
    olga.locator("#id_browsing").select_option("live")
    olga.locator("#id_uri").fill(company.samba.uri)
    olga.locator("#id_bind_dn").fill(SERVICE)
    olga.locator("#id_bind_password").fill(SERVICE_PASSWORD)
    olga.get_by_role("button", name="Add provider").click()
    expect(olga.locator("body")).to_contain_text(f"Read from the directory: base DN {BASE}")
    olga.get_by_role("link", name="Test connection").click()
    olga.locator("#id_login").fill("CORP\\dora")
    olga.get_by_role("button", name="Test connection").click()
    expect(olga.locator("body")).to_contain_text("Connection works")
    expect(olga.locator("body")).to_contain_text("Dora Draft, dora@example.com")


def map_finance(company: Company, olga: Page) -> None:
    """Find Dora and her group before she signs in, and map the group to a role."""
    company.open(olga, f"{TENANT}auth-providers/")
    olga.get_by_role("link", name="Browse the directory of AD").click()
    expect(olga.locator("body")).not_to_contain_text("krbtgt")
    olga.get_by_role("link", name="Dora Draft").click()
    expect(olga.locator("body")).to_contain_text("Has not signed in")
    olga.get_by_role("link", name="Finance", exact=True).click()
    expect(olga.get_by_role("link", name="Dora Draft")).to_be_visible()
    expect(olga.get_by_role("link", name="Fred First")).to_be_visible()
    olga.get_by_role("link", name="Map this group").click()
    olga.locator("#id_role").select_option(label="Bookkeeper")
    olga.get_by_role("button", name="Add draft").click()
    expect(olga.locator("body")).to_contain_text("2 who have not signed in")
    olga.get_by_role("link", name="Preview and apply").click()
    expect(olga.locator("body")).to_contain_text("They get the role at their first sign-in")
    expect(olga.get_by_role("link", name="Dora Draft")).to_be_visible()
    olga.get_by_role("button", name="Apply").click()


def open_member(company: Company, olga: Page) -> None:
    company.open(olga, f"{TENANT}provisioned-members/")
    row = olga.get_by_role("row").filter(has_text="Dora Draft")
    expect(row).to_contain_text("dora@example.com")
    expect(row).to_contain_text("AD")
    expect(row).to_contain_text("Active")
    row.get_by_role("link", name="Dora Draft").click()


def test_member_signs_in_is_deactivated_and_loses_the_group_role(
    company: Company, olga: Page, doras_page: Page
) -> None:
    set_up(company, olga)
    map_finance(company, olga)

    sign_in(company, doras_page, "CORP\\dora")
    expect(doras_page).to_have_url(f"{company.server.url}/home/")

    open_member(company, olga)
    for value in ("First provisioned", "payables", "Finance"):
        expect(olga.locator("body")).to_contain_text(value)
    expect(olga.locator("#roles ul")).to_contain_text("Bookkeeper")
    expect(olga.locator("#roles ul")).to_contain_text("the group “Finance”")

    olga.get_by_label(re.compile("^Inactive:")).check()
    olga.get_by_role("button", name="Save").click()
    company.open(doras_page, "/home/")
    expect(doras_page).to_have_url(re.compile("/sign-in/"))
    sign_in(company, doras_page, "dora@corp.example.com")
    expect(doras_page.locator("body")).to_contain_text("Your account is deactivated")
    olga.get_by_label(re.compile("^Active:")).check()
    olga.get_by_role("button", name="Save").click()

    company.samba.change(f"CN=payables,OU=Groups,{BASE}", member="")
    sign_in(company, doras_page, "dora")
    expect(doras_page).to_have_url(f"{company.server.url}/home/")
    open_member(company, olga)
    expect(olga.locator("#roles ul")).not_to_contain_text("Bookkeeper")

    company.samba.change(company.dora, userAccountControl="514")
    sign_in(company, doras_page, "dora")
    expect(doras_page.locator("body")).to_contain_text("Your account at AD is disabled")
    company.open(olga, "/people/why/?who=dora@example.com")
    expect(olga.locator("body")).to_contain_text("Dora Draft is disabled in AD.")
    company.open(olga, f"{TENANT}log/")
    expect(olga.locator("body")).to_contain_text("account-disabled")
