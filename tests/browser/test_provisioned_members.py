"""Provisioned members after their first sign-in through OpenID, LDAP and Windows."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.conftest import StartServer
from tests.services.fake_openid import CLIENT_ID, CLIENT_SECRET, OpenIdProvider
from tests.services.kerberos import Kdc, curl
from tests.services.ldap import Slapd, group, group_dn
from tests.services.server import Server

OWNER, PASSWORD = "olga@acme.example.com", "correct horse battery"


@dataclass
class Employee:
    """Ada in her own browser: she signs in and leaves a group."""

    kind: str
    provider: str
    context: BrowserContext
    company: "Company"

    def sign_in(self) -> Page:
        """Sign in without the earlier session; return the page that is shown."""
        self.context.clear_cookies()
        page = self.context.new_page()
        page.goto(f"{self.company.server.url}/sign-in/acme/")
        link = page.get_by_role("link", name=f"Sign in with {self.provider}")
        if self.kind == "windows":
            self._show_ticket(str(link.get_attribute("href")))
            page.goto(f"{self.company.server.url}/home/")
            return page
        link.click()
        if self.kind == "ldap":
            page.get_by_label("User name").fill("ada")
            page.get_by_label("Password").fill("pw-ada")
            page.get_by_role("button", name="Sign in").click()
        return page

    def sign_in_text(self) -> str:
        """Return the text after signing in; with Windows, curl signs in with the ticket."""
        if self.kind == "windows":
            return self._show_ticket(self.company.sign_in_path(self.provider))
        return self.sign_in().locator("main").inner_text()

    def leave_group(self) -> None:
        if self.kind == "oidc":
            self.company.openid.user["groups"] = []
        else:
            self.company.slapd.delete(group_dn("finance"))

    def _show_ticket(self, link: str) -> str:
        """Sign in by curl, because Chromium has no ticket, and keep the session cookie."""
        jar = self.company.folder / f"{self.provider}-jar"
        jar.unlink(missing_ok=True)
        url = f"http://localhost:{self.company.server.port}{link}"
        result = curl(
            self.company.kdc.ticket("ada"), "--location", "-c", str(jar), "-b", str(jar), url
        )
        for line in jar.read_text().splitlines():
            *_, name, value = line.split("\t") if "\t" in line else ("", "")
            if name == "sessionid":
                self.context.add_cookies(
                    [{"name": name, "value": value, "url": self.company.server.url}]
                )
        return result


@dataclass
class Company:
    server: Server
    openid: OpenIdProvider
    slapd: Slapd
    kdc: Kdc
    folder: Path

    def add(self, document: dict[str, Any]) -> dict[str, str]:
        file = self.folder / "provider.json"
        file.write_text(json.dumps(document))
        answer: dict[str, str] = json.loads(
            self.server.manage("add_identity_provider", "acme", "--file", str(file))
        )
        self.sign_in_paths[document["name"]] = answer["sign_in_url"].removeprefix(self.server.url)
        return answer

    def __post_init__(self) -> None:
        self.sign_in_paths: dict[str, str] = {}

    def sign_in_path(self, provider: str) -> str:
        return self.sign_in_paths[provider]


@pytest.fixture(scope="module")
def company(
    start_server: StartServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Company]:
    server = start_server("postgresql")
    owner = ("--owner-email", OWNER, "--owner-password", PASSWORD, "--currency", "EUR")
    server.manage("create_tenant", "acme", "--name", "Acme", *owner)
    folder = tmp_path_factory.mktemp("company")
    company = Company(server, OpenIdProvider(), Slapd(), Kdc(), folder)
    yield company
    for service in (company.openid, company.slapd, company.kdc):
        service.stop()


@pytest.fixture
def ada(request: pytest.FixtureRequest, company: Company, browser: Browser) -> Iterator[Employee]:
    """Connect a provider of this kind; Ada has another address at each."""
    kind = request.param
    name = f"Corp {kind}"
    email = f"ada-{kind}@acme.test"
    company.openid.user = {
        "sub": "ada",
        "email": email,
        "given_name": "Ada",
        "family_name": "Lovelace",
        "groups": ["finance"],
    }
    if kind != "oidc":
        company.slapd.modify(replacing_mail(email))
        company.slapd.add(group("finance", "ada"))
    if name not in company.sign_in_paths:
        connect(company, kind, name)
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    yield Employee(kind, name, context, company)
    context.close()


def connect(company: Company, kind: str, name: str) -> None:
    """Add the provider, and map its group to a role."""
    if kind == "oidc":
        company.add(oidc(company, name))
    else:
        company.add(company.slapd.document(name="Directory" if kind == "windows" else name))
    if kind == "windows":
        company.add(company.kdc.document(name=name, directory="Directory"))
    mapping = ("--provider", name, "--group", "finance", "--role", "Bookkeeper")
    company.server.manage("map_group", "acme", *mapping)


def oidc(company: Company, name: str) -> dict[str, Any]:
    return {
        "kind": "oidc",
        "name": name,
        "issuer": company.openid.url,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
    }


def replacing_mail(email: str) -> str:
    return (
        f"dn: uid=ada,ou=people,dc=acme,dc=test\nchangetype: modify\nreplace: mail\nmail: {email}\n"
    )


@pytest.fixture
def olga(company: Company, page: Page) -> Page:
    page.goto(f"{company.server.url}/sign-in/acme/?form")
    page.get_by_label("Email address").fill(OWNER)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(f"{company.server.url}/overview/")
    return page


def open_member(olga: Page, company: Company, provider: str) -> None:
    """Open Ada's page among the provisioned members."""
    olga.goto(f"{company.server.url}/tenants/acme/provisioned-members/")
    row = olga.get_by_role("row").filter(has_text=provider)
    expect(row).to_contain_text("Ada Lovelace")
    expect(row).to_contain_text("@acme.test")
    expect(row).to_contain_text("Active")
    row.get_by_role("link", name="Ada Lovelace").click()


def save_status(olga: Page, status: str) -> None:
    olga.get_by_label(re.compile(f"^{status}:")).check()
    olga.get_by_role("button", name="Save").click()


@pytest.mark.parametrize("ada", ["oidc", "ldap", "windows"], indirect=True)
def test_administrator_deactivates_and_reactivates_a_provisioned_member(
    ada: Employee, olga: Page, company: Company
) -> None:
    adas_page = ada.sign_in()
    expect(adas_page).to_have_url(f"{company.server.url}/home/")

    open_member(olga, company, ada.provider)
    expect(olga.locator("body")).to_contain_text(ada.provider)
    expect(olga.locator("body")).to_contain_text("First provisioned")
    expect(olga.locator("#roles ul")).to_contain_text("Bookkeeper")
    expect(olga.locator("#roles ul")).to_contain_text("the group “finance”")
    expect(olga.locator("body")).to_contain_text("finance")

    save_status(olga, "Inactive")
    expect(olga.locator("body")).to_contain_text("All their sessions have ended")
    adas_page.goto(f"{company.server.url}/home/")
    expect(adas_page).to_have_url(re.compile("/sign-in/"))
    assert "Your account is deactivated" in ada.sign_in_text()

    save_status(olga, "Active")
    ada.leave_group()
    expect(ada.sign_in()).to_have_url(f"{company.server.url}/home/")
    olga.reload()
    expect(olga.locator("#roles ul")).not_to_contain_text("Bookkeeper")
    expect(olga.locator("#roles ul")).to_contain_text("Cardholder")


@pytest.mark.parametrize("ada", ["oidc"], indirect=True)
def test_token_without_groups_keeps_the_role_and_warns(
    ada: Employee, olga: Page, company: Company
) -> None:
    ada.sign_in()
    del company.openid.user["groups"]

    expect(ada.sign_in()).to_have_url(f"{company.server.url}/home/")

    open_member(olga, company, ada.provider)
    expect(olga.locator("#roles ul")).to_contain_text("Bookkeeper")
    expect(olga.locator("body")).to_contain_text("Roles from groups did not change")
    olga.goto(f"{company.server.url}/tenants/acme/log/")
    expect(olga.locator("body")).to_contain_text("the token has no claim “groups”")
