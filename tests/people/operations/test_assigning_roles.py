"""Assigning roles …"""

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
def test_gives_somebody_new_any_of_the_six(tenant: Tenant, role: Person.Role) -> None:
    bob = people.add_person(replace(BOB, role=role), actor=OKTA)

    assert Person.objects.get(pk=bob.pk).role == role


@pytest.mark.parametrize(
    "role", sorted(set(Person.Role) - {Person.Role.GUEST, Person.Role.CARDHOLDER})
)
def test_remembers_from_whom_and_when(ada: Person, role: Person.Role) -> None:
    assert assign(ada, role, actor=OKTA)

    stored = Person.objects.get(pk=ada.pk)
    assert (stored.role, stored.role_source) == (role, "scim:okta")
    assert stored.role_assigned_at > ada.created_at
    assert ada.events.get().changes == {"role": {"from": "BUSINESS_USER", "to": role}}


def test_keeps_the_source_when_the_role_is_said_again(ada: Person) -> None:
    assign(ada, Person.Role.BOOKKEEPER, actor=OKTA)

    assert not assign(ada, Person.Role.BOOKKEEPER, actor=HELPDESK)

    assert Person.objects.get(pk=ada.pk).role_source == "scim:okta"


@pytest.mark.parametrize("role", ["BUSINESS_KING", "business_user", "Owner", "MANAGER"])
def test_is_refused_for_a_role_that_there_is_not(ada: Person, role: str) -> None:
    with pytest.raises(base_roles.InvalidRole):
        assign(ada, role)
    with pytest.raises(base_roles.InvalidRole):
        people.add_person(replace(BOB, role=role), actor=OKTA)

    assert Person.objects.get(pk=ada.pk).role == Person.Role.CARDHOLDER


def test_makes_no_guest_of_an_employee(ada: Person) -> None:
    with pytest.raises(base_roles.InvalidRole):
        assign(ada, Person.Role.GUEST)


def test_leaves_a_guest_a_guest(ada: Person) -> None:
    guest = core.person(role=Person.Role.GUEST)

    assert not assign(guest, Person.Role.GUEST)


def test_makes_an_employee_of_a_guest(ada: Person) -> None:
    assert assign(core.person(role=Person.Role.GUEST), Person.Role.CARDHOLDER)


class TestTheLastOne:
    def test_owner_stays_owner(self, owner: Person) -> None:
        core.administrator()

        with pytest.raises(base_roles.LastOwner):
            assign(owner, Person.Role.ADMIN, actor=OKTA)

        assert Person.objects.get(pk=owner.pk).role == Person.Role.OWNER
        assert not Event.objects.exists()

    def test_administrator_stays_one(self, tenant: Tenant) -> None:
        turing = core.administrator()

        with pytest.raises(base_roles.LastAdministrator):
            assign(turing, Person.Role.CARDHOLDER, actor=OKTA)

        assert Person.objects.get(pk=turing.pk).role == Person.Role.ADMIN

    def test_administrator_may_become_another_kind(self, tenant: Tenant) -> None:
        assert assign(core.administrator(), Person.Role.IT_ADMIN, actor=OKTA)

    def test_owner_may_step_down_beside_another(self, owner: Person) -> None:
        core.owner()

        assert assign(owner, Person.Role.CARDHOLDER, actor=OKTA)

    def test_counts_only_those_who_can_act(self, owner: Person) -> None:
        core.owner(state=Person.State.INACTIVE)

        with pytest.raises(base_roles.LastOwner):
            assign(owner, Person.Role.ADMIN, actor=OKTA)
