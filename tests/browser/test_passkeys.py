"""Passkeys with the virtual authenticator of Chromium."""

import pytest
from playwright.sync_api import CDPSession, Page, expect

from tests.browser.accessibility import axe_violations
from tests.browser.conftest import Demo
from tests.conftest import StartServer
from tests.support.second_factors import App

OWNER, PASSWORD = "olga@acme.example.com", "correct horse battery"


@pytest.fixture(scope="module")
def company(start_server: StartServer) -> Demo:
    # Browsers offer no passkeys for an IP address.
    server = start_server("sqlite", PUBLIC_BASE_URL="http://localhost:{port}")
    owner = ("--owner-email", OWNER, "--owner-password", PASSWORD)
    server.manage("create_tenant", "acme", "--name", "Acme", *owner)
    return Demo(url=server.environment["PUBLIC_BASE_URL"], email=OWNER, password=PASSWORD)


def authenticator_of(page: Page) -> CDPSession:
    """Give the browser a virtual authenticator, like that of a phone or computer."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return session


def test_passkey_is_added_used_and_removed(company: Demo, page: Page) -> None:
    session = authenticator_of(page)
    company.sign_in(page)
    page.goto(f"{company.url}/account/second-factor/set-up/")
    app = App(page.get_by_label("Setup key", exact=True).input_value().replace(" ", ""))
    page.get_by_label("Code from the app").fill(app.code())
    page.get_by_role("button", name="Turn on").click()
    page.get_by_role("link", name="I have saved them").click()

    page.get_by_role("link", name="Add a passkey").click()
    assert axe_violations(page) == []
    page.get_by_role("button", name="Add passkey").click()
    expect(page.get_by_text("The passkey “Chrome on Linux” was added.")).to_be_visible()

    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_role("button", name="Add passkey").click()
    expect(page.get_by_role("alert")).to_have_text(
        "This device or password manager already has a passkey of yours."
    )

    page.context.clear_cookies()
    enter_password(company, page)
    assert axe_violations(page) == []
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(f"{company.url}/overview/")

    page.goto(f"{company.url}/account/")
    page.get_by_role("link", name="Remove the passkey Chrome on Linux").click()
    page.get_by_role("button", name="Remove passkey").click()
    expect(page.get_by_text("The passkey “Chrome on Linux” was removed.")).to_be_visible()
    page.context.clear_cookies()
    enter_password(company, page)
    expect(page.get_by_label("Code")).to_be_visible()
    expect(page.get_by_role("button", name="Use a passkey")).not_to_be_attached()
    session.detach()


def enter_password(company: Demo, page: Page) -> None:
    page.goto(f"{company.url}/sign-in/")
    page.get_by_label("Email address").fill(company.email)
    page.get_by_label("Password").fill(company.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{company.url}/second-factor/")
