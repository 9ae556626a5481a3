"""The command `make_operator`."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from people.models import Event, Person, Tenant
from tests.clients.pages import signed_in, text_of
from tests.factories import core

pytestmark = pytest.mark.django_db


def make_operator(*arguments: str) -> dict[str, Any]:
    out = StringIO()
    call_command("make_operator", *arguments, stdout=out)
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer


@pytest.fixture
def olga(tenant: Tenant) -> Person:
    return core.owner(email="olga@example.com")


def test_operator_sees_tenants_and_no_people(olga: Person, tenant: Tenant) -> None:
    assert make_operator("Olga@Example.com") == {
        "operator": str(olga.pk),
        "email": "olga@example.com",
        "tenant": tenant.slug,
        "is_operator": True,
        "changed": True,
    }

    client = signed_in(Person.objects.get(pk=olga.pk))
    assert tenant.name in text_of(client.get("/tenants/"))
    assert client.get("/people/").status_code == 403


def test_second_call_changes_nothing(olga: Person) -> None:
    make_operator(olga.email)

    assert make_operator(olga.email)["changed"] is False
    assert Event.objects.count() == 1


def test_ends_sessions_and_records_an_event(olga: Person) -> None:
    client = signed_in(olga)

    make_operator(olga.email)

    assert client.get("/tenants/").status_code == 302
    event = Event.objects.get()
    assert (event.person, event.actor) == (olga, "command:make_operator")
    assert "an operator" in event.facts["reason"]


def test_remove_option_ends_operator_access(olga: Person) -> None:
    make_operator(olga.email)

    assert make_operator(olga.email, "--remove")["is_operator"] is False
    assert make_operator(olga.email, "--remove")["changed"] is False
    assert signed_in(Person.objects.get(pk=olga.pk)).get("/people/").status_code == 200


def test_asks_for_the_tenant_if_the_address_is_in_several(olga: Person, tenant: Tenant) -> None:
    with core.in_another_tenant() as another:
        core.owner(email=olga.email)

    with pytest.raises(CommandError, match=f"--tenant: {tenant.slug}, {another.slug}"):
        make_operator(olga.email)

    assert make_operator(olga.email, "--tenant", another.slug)["tenant"] == another.slug
    assert not Person.objects.get(pk=olga.pk).is_operator


@pytest.mark.parametrize(
    ("address", "more", "text"),
    [
        ("nobody@example.com", (), "Nobody has the address “nobody@example.com”"),
        ("olga@example.com", ("--tenant", "nowhere"), "in the tenant “nowhere”"),
        ("", (), "Nobody has the address “”"),
    ],
)
def test_reports_an_unknown_address_or_tenant(
    olga: Person, address: str, more: tuple[str, ...], text: str
) -> None:
    with pytest.raises(CommandError, match=text):
        make_operator(address, *more)


@pytest.mark.parametrize("state", [Person.State.INVITED, Person.State.INACTIVE])
def test_refuses_people_who_are_not_active(olga: Person, state: str) -> None:
    ada = core.person(state=state)

    with pytest.raises(CommandError, match=f"Ada Lovelace is {state}"):
        make_operator(ada.email)


def test_does_not_find_terminated_people(olga: Person) -> None:
    ada = core.person(state=Person.State.TERMINATED)

    with pytest.raises(CommandError, match="Nobody has the address"):
        make_operator(ada.email)


def test_refuses_the_last_administrator_of_a_company(olga: Person) -> None:
    core.person()
    core.administrator(is_operator=True)

    with pytest.raises(CommandError, match="the last administrator"):
        make_operator(olga.email)

    core.administrator()
    assert make_operator(olga.email)["changed"]
