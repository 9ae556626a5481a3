"""Adding a person: the stored row, its event and invite, and the refusals."""

from dataclasses import replace
from typing import Any

import pytest

from people.models import Department, Event, Invite, Location, Person, Tenant
from people.operations import people, person_fields
from people.values import Actor, Invitation, PeopleError, Profile
from tests.factories import core

pytestmark = pytest.mark.django_db

OKTA = Actor("scim", "okta")
HELPDESK = Actor("person", "helpdesk@example.com")
ADA = Profile(
    given_name="Ada",
    family_name="Lovelace",
    email="Ada@Example.com",
    department="Sales",
    location="Rome",
)


def test_stores_profile_with_default_role_and_an_invite(tenant: Tenant) -> None:
    ada = people.add_person(ADA, actor=OKTA)

    ada = Person.objects.get(pk=ada.pk)
    assert ada.tenant == tenant
    assert ada.state == Person.State.INVITED
    assert ada.profile == replace(ADA, role=Person.Role.CARDHOLDER)
    assert ada.role_source == "scim:okta"
    assert ada.invites.get().source == Invite.Source.SCIM


def test_records_one_event_with_all_given_fields(tenant: Tenant) -> None:
    boss = core.person()

    ada = people.add_person(ADA, actor=OKTA, manager=boss, custom_values={"badge": "7"})

    event = ada.events.get(kind=Event.Kind.PERSON_ADDED)
    assert event.actor == "scim:okta"
    assert {name: change["to"] for name, change in event.changes.items()} == {
        "given_name": "Ada",
        "family_name": "Lovelace",
        "email": "Ada@Example.com",
        "department": "Sales",
        "location": "Rome",
        "manager": str(boss.pk),
        "role": "BUSINESS_USER",
        "state": "invited",
        "custom.badge": "7",
    }


def test_new_person_has_no_usable_password(tenant: Tenant) -> None:
    ada = people.add_person(ADA, actor=OKTA)

    assert not ada.has_usable_password()


def test_sends_no_invite_without_an_invitation(tenant: Tenant) -> None:
    ada = people.add_person(ADA, actor=HELPDESK, invitation=None)

    assert not ada.invites.exists()


def test_invite_can_be_on_hold(tenant: Tenant) -> None:
    ada = people.add_person(ADA, actor=OKTA, invitation=Invitation(hold_reason="No manager yet"))

    assert ada.invites.get().hold_reason == "No manager yet"


@pytest.mark.parametrize("email", ["ada@example.com", "ADA@EXAMPLE.COM", "Ada@example.com"])
def test_refuses_email_that_is_in_use_in_any_case(tenant: Tenant, email: str) -> None:
    people.add_person(ADA, actor=OKTA)

    with pytest.raises(person_fields.DuplicateEmail):
        people.add_person(replace(ADA, email=email), actor=HELPDESK)

    assert Person.objects.count() == 1
    assert Event.objects.filter(kind=Event.Kind.PERSON_ADDED).count() == 1


def test_refuses_same_email_with_combining_accents(tenant: Tenant) -> None:
    people.add_person(replace(ADA, email="zo\u00eb@example.com"), actor=OKTA)

    with pytest.raises(person_fields.DuplicateEmail):
        people.add_person(replace(ADA, email="zoe\u0308@example.com"), actor=OKTA)


def test_does_not_strip_spaces_from_email(tenant: Tenant) -> None:
    people.add_person(ADA, actor=OKTA)

    people.add_person(replace(ADA, email="ada@example.com "), actor=OKTA)

    assert Person.objects.count() == 2


@pytest.mark.parametrize("state", [Person.State.INACTIVE, Person.State.INVITED])
def test_refuses_email_of_inactive_or_invited_person(tenant: Tenant, state: Person.State) -> None:
    core.person(email="ada@example.com", state=state)

    with pytest.raises(person_fields.DuplicateEmail):
        people.add_person(ADA, actor=OKTA)


def test_accepts_email_of_a_terminated_person(tenant: Tenant) -> None:
    core.person(email="ada@example.com", state=Person.State.TERMINATED)

    people.add_person(ADA, actor=OKTA)

    assert Person.objects.in_lists().count() == 1


def test_accepts_email_that_is_in_use_at_another_company(tenant: Tenant) -> None:
    people.add_person(ADA, actor=OKTA)

    with core.in_another_tenant():
        people.add_person(ADA, actor=OKTA)

        assert Person.objects.count() == 1


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"given_name": ""}, id="no first name"),
        pytest.param({"family_name": ""}, id="no last name"),
        pytest.param({"given_name": "  "}, id="blank"),
        pytest.param({"family_name": "--"}, id="no letter"),
        pytest.param({"given_name": "12"}, id="only digits"),
        pytest.param({"family_name": "x" * 201}, id="too long"),
    ],
)
def test_refuses_invalid_name(tenant: Tenant, values: dict[str, Any]) -> None:
    with pytest.raises(person_fields.InvalidName):
        people.add_person(replace(ADA, **values), actor=OKTA)

    assert not Person.objects.exists()


@pytest.mark.parametrize("name", ["O'Brien", "李", "Ł", "van der Berg", "M.", "x" * 200])
def test_accepts_unusual_family_names(tenant: Tenant, name: str) -> None:
    assert people.add_person(replace(ADA, family_name=name), actor=OKTA).family_name == name


def test_refusal_creates_no_department_location_or_event(tenant: Tenant) -> None:
    guest = core.person(role=Person.Role.GUEST)
    core.person(email="ada@example.com")

    for refused in ({"actor": OKTA}, {"actor": OKTA, "manager": guest}):
        with pytest.raises(PeopleError):
            people.add_person(replace(ADA, department="Legal", location="Oslo"), **refused)

    assert not Department.objects.exists()
    assert not Location.objects.exists()
    assert not Event.objects.exists()
