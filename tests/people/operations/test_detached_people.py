"""People whose user the identity provider deleted, and their return."""

import pytest

from people.models import Event, FormerAddress, Invite, Person, Role
from people.operations import email_changes, people, people_update, person_fields, rehires
from people.operations.roles import base_roles
from people.values import Actor, Profile
from tests.factories import core

pytestmark = pytest.mark.django_db

OKTA = Actor("scim", "okta")
ADDRESS = "ada@example.com"


@pytest.fixture
def ada(owner: Person) -> Person:
    """An Admin with a password, whose user the identity provider has deleted."""
    ada = core.person(email=ADDRESS, password="correct horse", role=Person.Role.ADMIN)
    people.detach_person(ada, actor=OKTA)
    return stored(ada)


def stored(person: Person) -> Person:
    found: Person = Person.objects.get(pk=person.pk)
    return found


def profile(email: str, role: str | None = None) -> Profile:
    return Profile(given_name="Ada", family_name="Byron", email=email, role=role)


def test_detached_person_is_inactive(ada: Person) -> None:
    assert (ada.state, ada.deactivated_by) == (Person.State.INACTIVE, "scim:okta")


def test_new_person_can_take_the_address(owner: Person, ada: Person) -> None:
    new = people.add_person(profile("ADA@example.com"), actor=owner.actor)

    assert new.pk != ada.pk
    before, ada = ada, stored(ada)
    assert (ada.email, ada.has_usable_password(), ada.state) == ("", False, "inactive")
    assert ada.get_session_auth_hash() != before.get_session_auth_hash()
    assert [one.email for one in ada.former_addresses.all()] == [ADDRESS]
    event = ada.events.get(kind=Event.Kind.ADDRESS_RELEASED)
    assert event.changes == {"email": {"from": ADDRESS, "to": None}}


@pytest.mark.parametrize("has_joined", [True, False])
def test_existing_person_can_take_the_address(
    owner: Person, ada: Person, *, has_joined: bool
) -> None:
    state = Person.State.ACTIVE if has_joined else Person.State.INVITED
    bob = core.person(email="bob@example.com", state=state)

    people_update.revise_person(bob, profile(ADDRESS), actor=owner.actor)
    if has_joined:
        asking = bob.mails.get(kind="confirm-address")
        email_changes.confirm_address(asking, actor=owner.actor)

    assert (stored(bob).email, stored(ada).email) == (ADDRESS, "")
    assert set(FormerAddress.objects.values_list("person", "email")) == {
        (bob.pk, "bob@example.com"),
        (ada.pk, ADDRESS),
    }


def test_keeps_the_address_until_another_person_takes_it(owner: Person, ada: Person) -> None:
    people.add_person(profile("byron@example.com"), actor=owner.actor)

    assert stored(ada).email == ADDRESS


def test_address_of_a_deactivated_person_cannot_be_taken(owner: Person) -> None:
    ada = core.person(email=ADDRESS)
    people.deactivate_person(ada, actor=OKTA)

    with pytest.raises(person_fields.DuplicateEmail):
        people.add_person(profile(ADDRESS), actor=owner.actor)


def test_reactivated_person_is_invited_again_without_a_password(owner: Person, ada: Person) -> None:
    people.reactivate_person(ada, actor=owner.actor)

    ada = stored(ada)
    assert (ada.state, ada.joined_at, ada.detached_at) == (Person.State.INVITED, None, None)
    assert not ada.has_usable_password()
    assert Invite.objects.open().filter(person=ada).exists()
    assert ada.events.filter(kind=Event.Kind.PERSON_RETURNED).exists()


def test_elevated_roles_are_withheld_at_reactivation(owner: Person, ada: Person) -> None:
    signer = Role.objects.create(
        tenant_id=ada.tenant_id, name="Signer", name_key="signer", is_elevated=True
    )
    auditor = Role.objects.create(tenant_id=ada.tenant_id, name="Auditor", name_key="auditor")
    for role in (signer, auditor):
        base_roles.grant_role(ada, role, actor=owner.actor)

    people.reactivate_person(ada, actor=owner.actor)

    ada = stored(ada)
    assert ada.role == Person.Role.CARDHOLDER
    assert ada.withheld_roles == {"BUSINESS_ADMIN": "asked", f"role:{signer.pk}": "asked"}
    assert [grant.role for grant in ada.grants.all()] == [auditor]


@pytest.mark.parametrize("role", Person.ADMINISTERING)
def test_provider_cannot_grant_elevated_roles_after_reactivation(
    owner: Person, ada: Person, role: str
) -> None:
    people.reactivate_person(ada, actor=owner.actor)

    for _ in range(2):
        people_update.revise_person(ada, profile(ADDRESS, role=role), actor=OKTA)

    ada = stored(ada)
    assert (ada.role, ada.withheld_roles[role]) == (Person.Role.CARDHOLDER, "asked")


def test_administrator_can_give_a_withheld_role_back(owner: Person, ada: Person) -> None:
    people.reactivate_person(ada, actor=owner.actor)

    people_update.revise_person(ada, profile(ADDRESS, role="BUSINESS_ADMIN"), actor=owner.actor)

    assert (stored(ada).role, stored(ada).withheld_roles) == (Person.Role.ADMIN, {})


def test_declined_role_is_not_asked_about_again(owner: Person, ada: Person) -> None:
    people.reactivate_person(ada, actor=owner.actor)
    rehires.decline_role(ada, "BUSINESS_ADMIN", actor=owner.actor)

    people_update.revise_person(ada, profile(ADDRESS, role="BUSINESS_ADMIN"), actor=OKTA)

    assert stored(ada).withheld_roles == {"BUSINESS_ADMIN": "declined"}
    assert stored(ada).role == Person.Role.CARDHOLDER
    with pytest.raises(rehires.NotWithheld):
        rehires.decline_role(ada, "BUSINESS_ADMIN", actor=owner.actor)


def test_reactivation_requires_a_new_address_if_the_old_one_was_taken(
    owner: Person, ada: Person
) -> None:
    people.add_person(profile(ADDRESS), actor=owner.actor)

    with pytest.raises(rehires.NoAddress):
        people.reactivate_person(ada, actor=owner.actor)
    people_update.revise_person(ada, profile("byron@example.com"), actor=owner.actor)
    people.reactivate_person(ada, actor=owner.actor)

    assert (stored(ada).email, stored(ada).state) == ("byron@example.com", "invited")


def test_two_people_can_be_without_an_address(owner: Person, ada: Person) -> None:
    bob = core.person(email="bob@example.com")
    people.detach_person(bob, actor=OKTA)

    for address in (ADDRESS, "bob@example.com"):
        people.add_person(profile(address), actor=owner.actor)

    assert Person.objects.filter(email="").count() == 2
