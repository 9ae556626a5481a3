"""People whom an administrator reactivated or deactivated against the provider's value."""

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
def reactivated_by_hand(scim: Provider) -> str:
    """Reactivate Ada, whom the provider has as inactive; return the SCIM id."""
    scim_id = scim.add()
    people.activate_person(ada(), actor=HELPDESK)
    scim.patch(scim_id, OUT)
    people.reactivate_person(ada(), actor=HELPDESK)
    return scim_id


def is_active_after(answer: Answer) -> bool:
    assert answer.status == 200, answer.content
    return ada().state == Person.State.ACTIVE


def test_reactivated_person_stays_active_when_another_field_changes(
    scim: Provider, reactivated_by_hand: str
) -> None:
    assert is_active_after(scim.replace(reactivated_by_hand, "name.givenName", "Augusta"))
    assert ada().given_name == "Augusta"


def test_reactivated_person_stays_active_after_full_put_with_active_false(
    scim: Provider, reactivated_by_hand: str
) -> None:
    everything = someone(active=False, name={"givenName": "Augusta", "familyName": "King"})

    assert is_active_after(scim("PUT", f"/Users/{reactivated_by_hand}", everything))
    assert ada().family_name == "King"


def test_reactivated_person_stays_active_when_provider_repeats_inactive(
    scim: Provider, reactivated_by_hand: str
) -> None:
    assert is_active_after(scim.patch(reactivated_by_hand, OUT))
    assert scim.read(reactivated_by_hand)["active"] is False


def test_reactivated_person_is_deactivated_after_provider_sends_active_then_inactive(
    scim: Provider, reactivated_by_hand: str
) -> None:
    assert is_active_after(scim.patch(reactivated_by_hand, IN))
    assert not is_active_after(scim.patch(reactivated_by_hand, OUT))


def test_reactivated_person_is_deactivated_by_delete(
    scim: Provider, reactivated_by_hand: str
) -> None:
    assert scim("DELETE", f"/Users/{reactivated_by_hand}").status == 204
    assert ada().state == Person.State.INACTIVE


def test_post_as_inactive_after_delete_deactivates_reactivated_person(
    scim: Provider, reactivated_by_hand: str
) -> None:
    scim("DELETE", f"/Users/{reactivated_by_hand}")
    people.reactivate_person(ada(), actor=HELPDESK)

    assert scim("POST", "/Users", someone(active=False)).status == 201

    assert ada().state == Person.State.INACTIVE


def test_deactivated_person_stays_inactive_when_another_field_changes(scim: Provider) -> None:
    scim_id = scim.add()
    people.deactivate_person(ada(), actor=HELPDESK)

    scim.replace(scim_id, "name.givenName", "Augusta")

    assert ada().state == Person.State.INACTIVE


def test_person_is_deactivated_when_linked_to_an_inactive_resource(
    connect: Connect,
) -> None:
    core.person(email="ada@example.com")
    scim = connect("generic")
    scim_id = scim("POST", "/Users", someone(active=False, emails=None, name=None)).id
    assert ada().is_active

    scim("PUT", f"/Users/{scim_id}", someone(active=False))

    assert ada().state == Person.State.INACTIVE
