"""A person with cards and approval steps is deactivated, reactivated and then terminated."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.clients.scim import PATCH, Json, managed_by, someone
from tests.conftest import StartServer
from tests.replay.client import Client
from tests.services.server import Server

OWNER, PASSWORD = "olga@acme.example.com", "correct horse battery"
ADA, ADAS_PASSWORD = "ada@example.com", "the password of Ada"
# Gives Ada, who has joined, two virtual cards, two funds and three approval steps.
ADD_CARDS_FUNDS_AND_APPROVALS = """
from django.utils import timezone
from people import tenancy
from people.models import Card, Fund, Person, Tenant, Workflow
from people.operations.api_tokens import create_api_token
from people.operations.people import activate_person
from people.operations.spend.cards_and_funds import issue_card, open_fund
acme = Tenant.objects.get(slug="acme")
with tenancy.use(acme):
    people = {one.given_name: one for one in Person.objects.all()}
    owner, ada, actor = people["Olga"], people["Ada"], people["Olga"].actor
    for one in people.values():
        activate_person(one, actor=actor)
    ada.set_password("the password of Ada")
    ada.save()
    for number in (1, 2):
        issue_card(Card(holder=ada, name=f"Card {number}", kind="virtual",
            monthly_limit=100_000), actor=actor)
        open_fund(Fund(owner=ada, name=f"Fund {number}", balance=50_000), actor=actor)
    for name in ("Bills", "Invoices", "Travel"):
        workflow = Workflow.objects.create(tenant=acme, name=name)
        workflow.steps.create(tenant=acme, place=1, approver=ada)
    print(create_api_token(owner, "Till", scopes=["spend:authorize"], actor=actor))
    print(ada.cards.get(name="Card 1").pk)
"""


@dataclass
class Acme:
    server: Server
    okta: Client
    till: Client
    ada: str
    card: str

    def set_active(self, *, active: bool) -> None:
        values = {
            "schemas": [PATCH],
            "Operations": [{"op": "replace", "value": {"active": active}}],
        }
        assert _send(self.okta, "PATCH", f"/Users/{self.ada}", values)["active"] is active

    def pay(self) -> str:
        values = {"card": self.card, "amount": 1_000, "currency": "EUR", "merchant": "Café"}
        return str(_send(self.till, "POST", "/authorizations", values)["reason"])


def _send(client: Client, method: str, path: str, body: Json) -> Any:
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    answer = client.send(method, path, headers, json.dumps(body).encode())
    assert answer.status in (200, 201), answer.body
    return json.loads(answer.body)


@pytest.fixture
def acme(start_server: StartServer) -> Acme:
    server = start_server("sqlite")
    named = ("--name", "Acme", "--owner-name", "Olga Owner", "--currency", "EUR")
    owner = ("--owner-email", OWNER, "--owner-password", PASSWORD)
    server.manage("create_tenant", "acme", *named, *owner)
    content = json.loads(server.manage("connect_scim", "acme", "--provider", "okta"))
    okta = Client(content["base_url"], content["token"])
    ids: dict[str, str] = {}
    for who, manager in (("grace", None), ("ada", "grace"), ("bob", "ada")):
        more = managed_by({"value": ids[manager]}) if manager else {}
        ids[who] = _send(okta, "POST", "/Users", someone(who, **more))["id"]
    token, card = server.manage("shell", "-v", "0", "-c", ADD_CARDS_FUNDS_AND_APPROVALS).split()[
        -2:
    ]
    return Acme(server, okta, Client(f"{server.url}/api/v1", token), ids["ada"], card)


@pytest.fixture
def adas_page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    yield page
    page.close()


def test_deactivation_reactivation_and_termination_with_handover(
    acme: Acme, page: Page, adas_page: Page
) -> None:
    sign_in(page, acme)
    page.wait_for_url(f"{acme.server.url}/overview/")
    sign_in(adas_page, acme, ADA, ADAS_PASSWORD)
    adas_page.wait_for_url(f"{acme.server.url}/home/")
    assert acme.pay() == "approved"

    acme.set_active(active=False)
    expect_signed_out(adas_page, acme)
    expect_in_list(page, acme, "Ada Lovelace (Inactive)")
    assert acme.pay() == "holder-inactive"
    expect_approver_and_manager(page, acme, "Ada Lovelace (Inactive)")

    acme.set_active(active=True)
    sign_in(adas_page, acme, ADA, ADAS_PASSWORD)
    adas_page.wait_for_url(f"{acme.server.url}/home/")
    expect_in_list(page, acme, "Ada Lovelace")
    assert acme.pay() == "approved"
    expect_approver_and_manager(page, acme, "Ada Lovelace")

    terminate(page, acme)
    expect_in_list(page, acme, "Ada Lovelace (Terminated)", "?state=terminated")
    # The card went to Grace with its limit, so her purchases are approved.
    assert acme.pay() == "approved"
    expect_approver_and_manager(page, acme, "Grace Lovelace")
    expect_handed_over(page, acme)


def sign_in(page: Page, acme: Acme, email: str = OWNER, password: str = PASSWORD) -> None:
    page.goto(f"{acme.server.url}/sign-in/")
    page.get_by_label("Email address").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def expect_signed_out(page: Page, acme: Acme) -> None:
    """Expect that the session has ended, and that the sign-in page says who can reactivate Ada."""
    page.reload()
    expect(page).to_have_url(re.compile("/sign-in/"))
    sign_in(page, acme, ADA, ADAS_PASSWORD)
    expect(page.get_by_text("Ask your administrator to reactivate it there.")).to_be_visible()


def expect_in_list(page: Page, acme: Acme, name: str, query: str = "") -> None:
    page.goto(f"{acme.server.url}/people/{query}")
    row = page.locator(".ramp-person-name", has_text="Ada Lovelace")
    expect(row).to_have_text(name, use_inner_text=True)


def expect_approver_and_manager(page: Page, acme: Acme, name: str) -> None:
    """Expect the approval steps on the page of this person, and that they manage Bob."""
    page.goto(f"{acme.server.url}/people/?q=bob")
    expect(page.get_by_role("row", name="Bob Lovelace")).to_contain_text(name)
    page.get_by_role("link", name=name).click()
    for workflow in ("Bills", "Invoices", "Travel"):
        expect(page.locator("#workflows")).to_contain_text(workflow)


def terminate(page: Page, acme: Acme) -> None:
    page.goto(f"{acme.server.url}/people/?q=ada")
    page.get_by_role("link", name="Ada Lovelace").first.click()
    page.get_by_role("link", name="Terminate").click()
    page.get_by_role("link", name="Everything to Grace Lovelace").click()
    hand_over_to(page, "Fund 2", "Olga")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Handed over to Grace Lovelace")).to_be_visible()
    expect(page.get_by_role("heading", name="Handed over to Olga Owner")).to_be_visible()
    expect(page.get_by_text("This cannot be undone.")).to_be_visible()
    page.get_by_label("to confirm").fill(" ada lovelace ")
    page.get_by_role("button", name="Terminate").click()
    expect(page.get_by_text("Ada Lovelace was terminated.")).to_be_visible()


def hand_over_to(page: Page, thing: str, name: str) -> None:
    page.get_by_label(f"Handover of {thing}").select_option("somebody")
    line = page.locator(".ramp-heir", has_text=thing)
    line.locator(".select2-selection").click()
    page.locator(".select2-search__field").fill(name)
    page.locator(".select2-results__option", has_text=name).click()


def expect_handed_over(page: Page, acme: Acme) -> None:
    page.goto(f"{acme.server.url}/people/?q=ada&state=terminated")
    page.get_by_role("link", name="Ada Lovelace").first.click()
    went = page.locator("section", has=page.get_by_role("heading", name="Handover"))
    expect(went).to_contain_text("Cards Card 1")
    expect(went).to_contain_text("Approval steps Bills, step 1, Invoices, step 1, Travel, step 1")
    expect(went.get_by_role("link", name="Olga Owner")).to_be_visible()
    expect(page.get_by_role("link", name="Reactivate", exact=True)).to_have_count(0)
