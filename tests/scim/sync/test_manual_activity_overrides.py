"""Whom an administrator lets in or shuts out against the provider …"""

import pytest

from people.models import Person
from people.operations import people
from people.values import Actor
from tests.clients.scim import Answer, Provider, someone
from tests.factories import core
from tests.scim.conftest import Connect

pytestmark = pytest.mark.django_db

HELPDESK = Actor("person", "helpdesk@example.com")
IN = {"op": "replace", "path": "active", "value": True}
OUT = IN | {"value": False}


def ada() -> Person:
    person: Person = Person.objects.get(email="ada@example.com")
    return person


@pytest.fixture
def let_in(scim: Provider) -> str:
    """Let Ada in again whom the provider has as inactive; return her id."""
    scim_id = scim.add()
    people.activate_person(ada(), actor=HELPDESK)
    scim.patch(scim_id, OUT)
    people.reactivate_person(ada(), actor=HELPDESK)
    return scim_id


def is_in(answer: Answer) -> bool:
    assert answer.status == 200, answer.content
    return ada().state == Person.State.ACTIVE


def test_stays_in_when_another_field_changes(scim: Provider, let_in: str) -> None:
    assert is_in(scim.replace(let_in, "name.givenName", "Augusta"))
    assert ada().given_name == "Augusta"


def test_stays_in_when_the_provider_sends_everything_again(scim: Provider, let_in: str) -> None:
    everything = someone(active=False, name={"givenName": "Augusta", "familyName": "King"})

    assert is_in(scim("PUT", f"/Users/{let_in}", everything))
    assert ada().family_name == "King"


def test_stays_in_when_the_provider_repeats_itself(scim: Provider, let_in: str) -> None:
    assert is_in(scim.patch(let_in, OUT))
    assert scim.read(let_in)["active"] is False


def test_goes_when_the_provider_changes_its_mind_twice(scim: Provider, let_in: str) -> None:
    assert is_in(scim.patch(let_in, IN))
    assert not is_in(scim.patch(let_in, OUT))


def test_goes_when_deleted(scim: Provider, let_in: str) -> None:
    assert scim("DELETE", f"/Users/{let_in}").status == 204
    assert ada().state == Person.State.INACTIVE


def test_goes_when_deleted_and_pushed_again_as_inactive(scim: Provider, let_in: str) -> None:
    scim("DELETE", f"/Users/{let_in}")
    people.reactivate_person(ada(), actor=HELPDESK)

    assert scim("POST", "/Users", someone(active=False)).status == 201

    assert ada().state == Person.State.INACTIVE


def test_stays_out_when_another_field_changes(scim: Provider) -> None:
    scim_id = scim.add()
    people.deactivate_person(ada(), actor=HELPDESK)

    scim.replace(scim_id, "name.givenName", "Augusta")

    assert ada().state == Person.State.INACTIVE


def test_goes_when_a_resource_that_was_inactive_all_along_becomes_theirs(
    connect: Connect,
) -> None:
    core.person(email="ada@example.com")
    scim = connect("generic")
    scim_id = scim("POST", "/Users", someone(active=False, emails=None, name=None)).id
    assert ada().is_active

    scim("PUT", f"/Users/{scim_id}", someone(active=False))

    assert ada().state == Person.State.INACTIVE
