"""The pages for operators."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_every_page import NOTE_WHAT_THE_POLICY_BLOCKS, load, problems
from tests.conftest import StartServer
from tests.services.server import Server

PASSWORD = "correct horse battery staple"
PAGES = [
    *("/tenants/", "/tenants/?status=closed", "/tenants/add/", "/search/?q=acme"),
    *(f"/tenants/acme/settings/{page}" for page in ("", "suspend/", "close/")),
    "/tenants/operations/settings/suspend/",
]


@pytest.fixture(scope="module")
def server(start_server: StartServer) -> Server:
    server = start_server("sqlite")
    for slug, name in (("acme", "Acme"), ("operations", "Operations")):
        values = (
            "--name",
            name,
            "--owner-email",
            f"{slug}@x.example",
            "--owner-password",
            PASSWORD,
        )
        server.manage("create_tenant", slug, *values)
    server.manage("make_operator", "operations@x.example")
    return server


@pytest.fixture(scope="module")
def operator(browser: Browser, server: Server) -> Iterator[Page]:
    page = browser.new_page()
    page.add_init_script(NOTE_WHAT_THE_POLICY_BLOCKS)
    page.goto(f"{server.url}/sign-in/")
    page.get_by_label("Email address").fill("operations@x.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{server.url}/tenants/")
    yield page
    page.close()


@pytest.mark.parametrize("address", PAGES)
def test_page_is_accessible_and_fits_the_window(
    operator: Page, server: Server, address: str
) -> None:
    load(operator, server.url + address)

    assert problems(operator) == []


def test_operator_adds_suspends_resumes_and_closes_a_tenant(operator: Page, server: Server) -> None:
    operator.goto(f"{server.url}/tenants/")
    operator.get_by_role("link", name="Add tenant").click()
    for label, value in (
        ("Company name", "Initech"),
        ("Slug", "initech"),
        ("First name of the Owner", "Bill"),
        ("Last name of the Owner", "Lumbergh"),
        ("Email address of the Owner", "bill@initech.example"),
    ):
        operator.get_by_label(label).fill(value)
    operator.get_by_role("button", name="Add tenant").click()
    expect(operator.get_by_text("An invite is on its way to bill@initech.example")).to_be_visible()

    operator.get_by_role("link", name="Suspend").click()
    operator.get_by_role("button", name="Suspend").click()
    expect(operator.get_by_text("Initech is suspended.")).to_be_visible()
    operator.get_by_role("button", name="Resume").click()
    expect(operator.get_by_text("Initech is active again.")).to_be_visible()

    operator.get_by_role("link", name="Close permanently").click()
    operator.get_by_label("Type “Initech” to confirm").fill("Initech")
    operator.get_by_role("button", name="Close permanently").click()
    expect(operator.get_by_text("Initech is permanently closed.")).to_be_visible()
