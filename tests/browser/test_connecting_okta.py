"""Connecting Okta, from the page of integrations to the first person who joins."""

import re
import secrets
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.conftest import StartServer
from tests.replay.client import Client
from tests.replay.replaying import replay
from tests.replay.steps import Step, load
from tests.services.postgres_redis_smtp import Smtp, wait_until
from tests.services.server import Server

TRACE = Path(__file__).parent.parent / "traces" / "okta_oin.jsonl"
OWNER, PASSWORD = "olga@acme.example.com", "correct horse battery"


@pytest.fixture(scope="module")
def server(start_server: StartServer, smtp_service: Smtp) -> Server:
    """Start Ramp with a tenant that has only an owner, and with the mail server."""
    smtp_service.empty()
    server = start_server("sqlite", EMAIL_URL=smtp_service.url)
    owner = ("--owner-email", OWNER, "--owner-password", PASSWORD)
    server.manage("create_tenant", "acme", "--name", "Acme", *owner)
    return server


def test_connecting_okta_until_the_first_person_joins(
    server: Server, page: Page, browser: Browser, smtp_service: Smtp
) -> None:
    run = secrets.token_hex(3)
    mira = f"mira.okafor.{run}@example.com"

    sign_in(page, server, OWNER, PASSWORD)
    okta = make_token(page)
    walk_the_steps(page)
    expect(page.get_by_role("heading", name="Waiting for the first request")).to_be_visible()
    push(okta, run, flow="okta-oin-lifecycle", until="10")
    # The page reloads itself.
    expect(page.get_by_role("heading", name="Requests received from Okta")).to_be_visible()
    assert smtp_service.received == []
    activate(page, "Mira Okafor")
    wait_until(lambda: bool(smtp_service.to(mira)), server.process, server.log)
    join(browser, server, invitation(smtp_service, mira), mira)

    page.goto(f"{server.url}/people/")
    page.get_by_role("link", name="Mira Okafor").first.click()
    expect(page.locator("#timeline")).to_contain_text("Mira Okafor accepted the invite")
    expect(page.get_by_text("Managed by Okta since").first).to_be_visible()
    assert [mail.to for mail in smtp_service.received] == [mira]


def sign_in(page: Page, server: Server, email: str, password: str) -> None:
    page.goto(f"{server.url}/sign-in/")
    page.get_by_label("Email address").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def make_token(page: Page) -> Client:
    """Find Okta among the integrations, start the setup, and return a client with its token."""
    page.get_by_role("link", name="Integrations", exact=True).click()
    page.get_by_role("searchbox").fill("okta")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Okta").click()
    page.get_by_role("button", name="Create token and start setup").click()
    base = page.get_by_label("Base URL", exact=True).input_value()
    return Client(base, page.get_by_label("Token", exact=True).input_value())


def walk_the_steps(page: Page) -> None:
    page.get_by_role("link", name="Next: steps at the provider").click()
    expect(page.get_by_role("cell", name="city").first).to_be_visible()
    page.get_by_role("link", name="Next: first request").click()
    # Each step has a URL: going back and forth, or reloading, changes nothing.
    page.go_back()
    page.go_forward()
    page.reload()


def push(okta: Client, run: str, *, flow: str, until: str) -> None:
    """Replay the requests of Okta up to a step; every response must match the trace."""
    values = [step for step in load(TRACE) if step.flow == flow]
    steps: list[Step] = [step for step in values if step.name < until]
    outcomes = list(replay(okta, steps, {"run": run}, tell=lambda line: None))
    assert [str(outcome) for outcome in outcomes if outcome.failed] == []


def activate(page: Page, name: str) -> None:
    page.get_by_role("link", name="Next: review").click()
    page.get_by_role("link", name="To be created 1").click()
    expect(page.get_by_text(name)).to_be_visible()
    page.get_by_role("link", name="Next: activate").click()
    page.get_by_role("button", name="Activate Okta").click()
    expect(page.get_by_role("heading", name="Activation complete")).to_be_visible()


def invitation(smtp: Smtp, address: str) -> str:
    """Return the invite link in the only mail to the person."""
    [mail] = smtp.to(address)
    text = mail.get_body(("plain",))
    assert text
    [link] = re.findall(r"http\S+/invite/\S+", text.get_content())
    return str(link)


def join(browser: Browser, server: Server, link: str, email: str) -> None:
    """Accept the invite in another browser, and sign in there with the password."""
    page = browser.new_context().new_page()
    page.goto(link)
    page.get_by_label("Password", exact=False).first.fill("a password of my own")
    page.get_by_label("Confirm password").fill("a password of my own")
    page.get_by_role("button", name="Join Acme").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.context.clear_cookies()
    sign_in(page, server, email, "a password of my own")
    page.wait_for_url(f"{server.url}/home/")
    page.context.close()
