"""A waiting manager is assigned as soon as a person matches the reference."""

from collections.abc import Callable

import pytest
from django.utils import timezone

from people import events
from people.models import Event, Mail, Person
from people.operations import email_changes, people, people_update
from people.values import Actor, Profile
from scim.models import ScimUser, SyncError
from tests.clients.pages import signed_in
from tests.clients.scim import RAMP, Provider, mail, managed_by, someone
from tests.factories import core
from tests.scim.conftest import Connect
from tests.support.waiting_people import assert_waiting_is_listed

pytestmark = pytest.mark.django_db

HELPDESK = Actor("person", "helpdesk@example.com")
BOSS = "boss@example.com"
Way = Callable[[Provider], object]


def ada() -> Person:
    found: Person = Person.objects.get(email="ada@example.com")
    return found


def dispatch() -> None:
    events.dispatch_all(as_of=timezone.now())


def created(scim: Provider) -> None:
    scim.add("boss")


def created_with_another_email(scim: Provider) -> None:
    scim.add("bob", userName=BOSS)


def linked_by_email(scim: Provider) -> None:
    core.person(email="bob@example.com")
    scim.add("bob", externalId="X-7", userName=BOSS)


def linked_by_confirmation(scim: Provider) -> None:
    core.administrator(email="bob@example.com")
    scim("POST", "/Users", someone("bob", userName=BOSS))
    error = SyncError.objects.get(reason="duplicate-email")
    visitor = signed_in(Person.objects.active_owners().first())
    holder = Person.objects.get(email="bob@example.com")
    page = visitor.post(
        f"/people/updates/errors/{error.pk}/link/", {"holder": holder.pk, "roles": "Admin"}
    )
    assert page.status_code == 302


def added_by_hand(scim: Provider) -> None:
    boss = Profile(given_name="Bob", family_name="Boss", email=BOSS)
    people.add_person(boss, actor=HELPDESK)


def renamed(**values: object) -> Way:
    def rename(scim: Provider) -> None:
        scim_id = scim.add("bob")
        dispatch()
        assert scim("PUT", f"/Users/{scim_id}", someone("bob", **values)).status == 200

    return rename


def renamed_by_patch(scim: Provider) -> None:
    assert scim.replace(scim.add("bob"), "userName", BOSS).status == 200


def email_changed_by_hand(scim: Provider) -> None:
    bob = core.person(email="bob@example.com", state=Person.State.INVITED, joined_at=None)
    profile = Profile(given_name="Bob", family_name="Boss", email=BOSS)
    people_update.revise_person(bob, profile, actor=HELPDESK)


def email_confirmed(scim: Provider) -> None:
    bob = core.person(email="bob@example.com", joined_at=timezone.now())
    profile = Profile(given_name="Bob", family_name="Boss", email=BOSS)
    people_update.revise_person(bob, profile, actor=HELPDESK)
    asking = Mail.objects.get(kind=Mail.Kind.CONFIRM_ADDRESS)
    email_changes.confirm_address(asking, actor=HELPDESK)


def restored(scim: Provider) -> None:
    scim_id = scim.add("bob")
    scim("DELETE", f"/Users/{scim_id}")
    scim.add("bob", emails=[mail(BOSS)])


def changed_from_guest_to_cardholder(scim: Provider) -> None:
    """Change the role afterwards, because a guest who exists already is refused as manager."""
    boss = Profile(given_name="Bob", family_name="Boss", email=BOSS, role=Person.Role.GUEST)
    person = people.add_person(boss, actor=HELPDESK)
    dispatch()
    assert ada().manager is None
    cardholder = Profile(
        given_name="Bob", family_name="Boss", email=BOSS, role=Person.Role.CARDHOLDER
    )
    people_update.revise_person(person, cardholder, actor=HELPDESK)


def no_longer_a_report(scim: Provider) -> None:
    """Bob first reports to Ada, so that he cannot be her manager."""
    scim_id = scim.add("boss", **managed_by("ada@example.com"))
    dispatch()
    assert ada().manager is None
    scim("PUT", f"/Users/{scim_id}", someone("boss"))


CAUSES: dict[str, Way] = {
    "created": created,
    "created with another email": created_with_another_email,
    "linked by email": linked_by_email,
    "linked by confirmation": linked_by_confirmation,
    "added by hand": added_by_hand,
    "given the userName": renamed(userName=BOSS),
    "given the externalId": renamed(externalId=BOSS),
    "given the address": renamed(emails=[mail(BOSS)]),
    "given the userName by PATCH": renamed_by_patch,
    "given the address by hand": email_changed_by_hand,
    "email confirmed": email_confirmed,
    "restored": restored,
    "changed from guest to cardholder": changed_from_guest_to_cardholder,
    "no longer a report": no_longer_a_report,
}


@pytest.mark.parametrize("way", CAUSES.values(), ids=CAUSES)
def test_waiting_manager_is_assigned_when_the_reference_can_be_resolved(
    scim: Provider, way: Way
) -> None:
    scim.add("ada", **managed_by(BOSS))
    assert_waiting_is_listed()
    way(scim)

    dispatch()

    assert ada().manager
    assert ada().invites.get().hold_reason == ""
    waited = SyncError.objects.open().filter(reason="invalid-manager")
    assert not waited.exists()
    assert_waiting_is_listed()


def test_manager_is_assigned_when_held_manager_is_completed(connect: Connect) -> None:
    generic = connect("generic")
    core.person(email="bob@example.com")
    scim_id = generic.add("bob", userName=BOSS, **{RAMP: None})
    generic.add("ada", **managed_by(BOSS))
    dispatch()
    assert ada().manager is None

    generic("PUT", f"/Users/{scim_id}", someone("bob", userName=BOSS))
    dispatch()

    assert ada().manager == Person.objects.get(email="bob@example.com")


def test_missing_manager_is_listed_again_after_manual_reactivation(scim: Provider) -> None:
    scim.add("ada", **managed_by(BOSS))
    people.deactivate_person(ada(), actor=HELPDESK)
    dispatch()
    assert not SyncError.objects.open().exists()

    people.reactivate_person(ada(), actor=HELPDESK)
    dispatch()

    assert SyncError.objects.open().get().reason == "invalid-manager"
    assert_waiting_is_listed()


def test_link_by_email_is_audited(scim: Provider) -> None:
    bob = core.person(email="bob@example.com", given_name="Bob", family_name="Boss")
    scim.add("bob")

    event = Event.objects.get(kind=Event.Kind.PERSON_LINKED)

    assert (event.person, event.actor) == (bob, "scim:okta")
    assert event.facts == {"user_name": "bob@example.com"}


def test_update_without_rename_records_no_former_name(scim: Provider) -> None:
    scim_id = scim.add("ada")

    scim.replace(scim_id, "title", "Countess")

    assert not Event.objects.filter(kind=Event.Kind.PERSON_LINKED).exists()
    assert not ScimUser.objects.get().former_names.exists()
