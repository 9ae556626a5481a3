"""A change that completes a held resource, and so adopts somebody whom nobody owns, …"""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from people.models import Person
from provisioning.models import Identity
from tests.clients.scim import ENT, Provider, someone
from tests.factories import core
from tests.scim.conftest import Connect
from tests.support.sign_in_flow import provider

pytestmark = pytest.mark.django_db(transaction=True)


def complete(scim: Provider, method: str, **said: Any) -> None:
    """Push Ada without her department, which a change brings afterwards."""
    body = someone("ada", **said)
    held = scim("POST", "/Users", {key: value for key, value in body.items() if key != ENT})
    if method == "PUT":
        answer = scim("PUT", f"/Users/{held.id}", body)
    else:
        change = {"op": "add", "path": f"{ENT}:department", "value": "Research"}
        answer = scim.patch(held.id, change)
    assert answer.status == 200, answer.content


@pytest.fixture
def eve(owner: Person) -> Person:
    """Make somebody who has only claimed the address, and has signed in with it."""
    eve: Person = core.person(email="ada@example.com", given_name="Eve")
    now = timezone.now()
    Identity.objects.create(
        tenant_id=eve.tenant_id,
        provider=provider("Corp"),
        subject="eve",
        person=eve,
        how="created",
        stated_values={},
        first_seen_at=now,
        last_seen_at=now,
    )
    return eve


@pytest.fixture
def browser(eve: Person) -> Client:
    client = Client()
    client.force_login(eve, backend="people.session_backend.SessionBackend")
    assert client.get("/home/").status_code == 200
    return client


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize(("state", "active"), [("inactive", True), ("active", False)])
def test_stores_what_its_events_say(
    connect: Connect, method: str, state: str, active: bool
) -> None:
    ada = core.person(email="ada@example.com", given_name="Eve", state=state)

    complete(connect("generic"), method, active=active)

    ada.refresh_from_db()
    assert ada.given_name == "Ada"
    assert ada.department is not None
    assert "given_name" in ada.managed_fields


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_ends_the_sessions_of_somebody_who_only_claimed_the_address(
    connect: Connect, browser: Client, method: str
) -> None:
    complete(connect("generic"), method)

    assert browser.get("/home/").status_code == 302


def test_ends_the_sessions_also_when_something_else_is_refused(
    connect: Connect, browser: Client
) -> None:
    """The connection holds what is refused, so the person is read again after the refusal."""
    complete(connect("generic"), "PUT", roles=[{"value": "NONSENSE"}])

    assert browser.get("/home/").status_code == 302
