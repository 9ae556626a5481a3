"""A colleague in IT connects an identity provider by a setup link, without an account."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Demo
from tests.conftest import StartServer
from tests.replay.client import Client

OWNER, PASSWORD = "olga@acme.example.com", "correct horse battery"


@pytest.fixture(scope="module")
def company(start_server: StartServer) -> Demo:
    server = start_server("sqlite")
    owner = ("--owner-email", OWNER, "--owner-password", PASSWORD)
    server.manage("create_tenant", "acme", "--name", "Acme", *owner)
    return Demo(url=server.url, email=OWNER, password=PASSWORD)


@pytest.mark.parametrize("has_scripts", [True, False], ids=["with scripts", "without scripts"])
def test_setup_link_leads_to_the_first_request(
    company: Demo, browser: Browser, page: Page, has_scripts: bool
) -> None:
    link = created_link(company, page, "okta" if has_scripts else "entra")
    context = browser.new_context(java_script_enabled=has_scripts)
    context.grant_permissions(["clipboard-write"] if has_scripts else [])
    theirs = context.new_page()

    theirs.goto(link)
    theirs.get_by_label("Your name").fill("Ivo Petrov")
    theirs.get_by_role("button", name="Create token").click()
    token = theirs.get_by_label("Token", exact=True).input_value()
    base = theirs.get_by_label("Base URL", exact=True).input_value()
    if has_scripts:
        button = theirs.get_by_role("cell").get_by_role("button", name="Copy: userName")
        button.click()
        expect(button).to_have_text("Copied")
    theirs.goto(link)
    expect(theirs.get_by_role("heading", name="Waiting for the first request")).to_be_visible()

    assert Client(base, token).send("GET", "/Users?count=2", {}, None).status == 200

    # The page reloads itself.
    expect(theirs.get_by_role("heading", name="The first request has arrived")).to_be_visible(
        timeout=30_000
    )
    page.reload()
    expect(page.get_by_text("“Ivo Petrov” created the token")).to_be_visible()
    context.close()


def created_link(company: Demo, page: Page, provider: str) -> str:
    company.sign_in(page)
    page.goto(f"{company.url}/integrations/{provider}/")
    page.get_by_role("button", name="Let IT do it: create a link").click()
    return page.get_by_label("Link for IT", exact=True).input_value()
