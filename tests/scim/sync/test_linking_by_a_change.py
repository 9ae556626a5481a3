"""An update that completes a held resource links it to an existing unmanaged person."""

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


def complete(scim: Provider, method: str, **values: Any) -> None:
    """Create Ada without a department, then add the department by an update."""
    body = someone("ada", **values)
    held = scim("POST", "/Users", {key: value for key, value in body.items() if key != ENT})
    if method == "PUT":
        answer = scim("PUT", f"/Users/{held.id}", body)
    else:
        change = {"op": "add", "path": f"{ENT}:department", "value": "Research"}
        answer = scim.patch(held.id, change)
    assert answer.status == 200, answer.content


@pytest.fixture
def eve(owner: Person) -> Person:
    """Create a person who claimed this address at another provider and signed in."""
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
def test_linking_update_stores_profile_and_managed_fields(
    connect: Connect, method: str, state: str, active: bool
) -> None:
    ada = core.person(email="ada@example.com", given_name="Eve", state=state)

    complete(connect("generic"), method, active=active)

    ada.refresh_from_db()
    assert ada.given_name == "Ada"
    assert ada.department is not None
    assert "given_name" in ada.managed_fields


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_linking_ends_sessions_of_person_who_only_claimed_the_address(
    connect: Connect, browser: Client, method: str
) -> None:
    complete(connect("generic"), method)

    assert browser.get("/home/").status_code == 302


def test_linking_ends_sessions_even_if_another_value_is_refused(
    connect: Connect, browser: Client
) -> None:
    """The connection holds refused values, so the person is read again after the refusal."""
    complete(connect("generic"), "PUT", roles=[{"value": "NONSENSE"}])

    assert browser.get("/home/").status_code == 302
