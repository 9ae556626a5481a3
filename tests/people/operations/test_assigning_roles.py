"""Assigning base roles."""

from dataclasses import replace

import pytest

from people.models import Event, Person, Tenant
from people.operations import people, people_update
from people.operations.roles import base_roles
from people.values import Actor, Profile
from tests.factories import core

pytestmark = pytest.mark.django_db

OKTA = Actor("scim", "okta")
HELPDESK = Actor("person", "helpdesk@example.com")
BOB = Profile(given_name="Bob", family_name="Babbage", email="bob@example.com")


def assign(person: Person, role: str, *, actor: Actor = HELPDESK) -> bool:
    return people_update.revise_person(person, replace(person.profile, role=role), actor=actor)


@pytest.mark.parametrize("role", Person.Role)
def test_new_person_can_have_any_base_role(tenant: Tenant, role: Person.Role) -> None:
    bob = people.add_person(replace(BOB, role=role), actor=OKTA)

    assert Person.objects.get(pk=bob.pk).role == role


@pytest.mark.parametrize(
    "role", sorted(set(Person.Role) - {Person.Role.GUEST, Person.Role.CARDHOLDER})
)
def test_records_source_and_time_of_assignment(ada: Person, role: Person.Role) -> None:
    assert assign(ada, role, actor=OKTA)

    stored = Person.objects.get(pk=ada.pk)
    assert (stored.role, stored.role_source) == (role, "scim:okta")
    assert stored.role_assigned_at > ada.created_at
    assert ada.events.get().changes == {"role": {"from": "BUSINESS_USER", "to": role}}


def test_assigning_the_same_role_again_keeps_its_source(ada: Person) -> None:
    assign(ada, Person.Role.BOOKKEEPER, actor=OKTA)

    assert not assign(ada, Person.Role.BOOKKEEPER, actor=HELPDESK)

    assert Person.objects.get(pk=ada.pk).role_source == "scim:okta"


@pytest.mark.parametrize("role", ["BUSINESS_KING", "business_user", "Owner", "MANAGER"])
def test_refuses_unknown_role(ada: Person, role: str) -> None:
    with pytest.raises(base_roles.InvalidRole):
        assign(ada, role)
    with pytest.raises(base_roles.InvalidRole):
        people.add_person(replace(BOB, role=role), actor=OKTA)

    assert Person.objects.get(pk=ada.pk).role == Person.Role.CARDHOLDER


def test_employee_cannot_become_guest(ada: Person) -> None:
    with pytest.raises(base_roles.InvalidRole):
        assign(ada, Person.Role.GUEST)


def test_assigning_guest_role_to_a_guest_changes_nothing(ada: Person) -> None:
    guest = core.person(role=Person.Role.GUEST)

    assert not assign(guest, Person.Role.GUEST)


def test_guest_can_become_employee(ada: Person) -> None:
    assert assign(core.person(role=Person.Role.GUEST), Person.Role.CARDHOLDER)


class TestLastOwnerOrAdministrator:
    def test_last_owner_cannot_lose_the_role(self, owner: Person) -> None:
        core.administrator()

        with pytest.raises(base_roles.LastOwner):
            assign(owner, Person.Role.ADMIN, actor=OKTA)

        assert Person.objects.get(pk=owner.pk).role == Person.Role.OWNER
        assert not Event.objects.exists()

    def test_last_administrator_cannot_lose_administrator_roles(self, tenant: Tenant) -> None:
        turing = core.administrator()

        with pytest.raises(base_roles.LastAdministrator):
            assign(turing, Person.Role.CARDHOLDER, actor=OKTA)

        assert Person.objects.get(pk=turing.pk).role == Person.Role.ADMIN

    def test_last_administrator_can_get_another_administrator_role(self, tenant: Tenant) -> None:
        assert assign(core.administrator(), Person.Role.IT_ADMIN, actor=OKTA)

    def test_owner_can_lose_the_role_if_another_owner_exists(self, owner: Person) -> None:
        core.owner()

        assert assign(owner, Person.Role.CARDHOLDER, actor=OKTA)

    def test_inactive_owner_does_not_count(self, owner: Person) -> None:
        core.owner(state=Person.State.INACTIVE)

        with pytest.raises(base_roles.LastOwner):
            assign(owner, Person.Role.ADMIN, actor=OKTA)
