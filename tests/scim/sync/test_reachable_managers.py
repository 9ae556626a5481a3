"""Somebody becomes reachable as a manager, and whoever waits for them has them at once …"""

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


def pushed(scim: Provider) -> None:
    scim.add("boss")


def pushed_under_another_address(scim: Provider) -> None:
    scim.add("bob", userName=BOSS)


def adopted_by_address(scim: Provider) -> None:
    core.person(email="bob@example.com")
    scim.add("bob", externalId="X-7", userName=BOSS)


def adopted_by_a_click(scim: Provider) -> None:
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


def renamed(**said: object) -> Way:
    def rename(scim: Provider) -> None:
        scim_id = scim.add("bob")
        dispatch()
        assert scim("PUT", f"/Users/{scim_id}", someone("bob", **said)).status == 200

    return rename


def renamed_by_patch(scim: Provider) -> None:
    assert scim.replace(scim.add("bob"), "userName", BOSS).status == 200


def readdressed_by_hand(scim: Provider) -> None:
    bob = core.person(email="bob@example.com", state=Person.State.INVITED, joined_at=None)
    profile = Profile(given_name="Bob", family_name="Boss", email=BOSS)
    people_update.revise_person(bob, profile, actor=HELPDESK)


def confirmed(scim: Provider) -> None:
    bob = core.person(email="bob@example.com", joined_at=timezone.now())
    profile = Profile(given_name="Bob", family_name="Boss", email=BOSS)
    people_update.revise_person(bob, profile, actor=HELPDESK)
    asking = Mail.objects.get(kind=Mail.Kind.CONFIRM_ADDRESS)
    email_changes.confirm_address(asking, actor=HELPDESK)


def brought_back(scim: Provider) -> None:
    scim_id = scim.add("bob")
    scim("DELETE", f"/Users/{scim_id}")
    scim.add("bob", emails=[mail(BOSS)])


def no_guest_any_more(scim: Provider) -> None:
    """Of a guest who was there first a refusal would be listed; this one comes later."""
    boss = Profile(given_name="Bob", family_name="Boss", email=BOSS, role=Person.Role.GUEST)
    person = people.add_person(boss, actor=HELPDESK)
    dispatch()
    assert ada().manager is None
    cardholder = Profile(
        given_name="Bob", family_name="Boss", email=BOSS, role=Person.Role.CARDHOLDER
    )
    people_update.revise_person(person, cardholder, actor=HELPDESK)


def no_longer_below(scim: Provider) -> None:
    """Bob reports to Ada when he comes, so that she cannot report to him."""
    scim_id = scim.add("boss", **managed_by("ada@example.com"))
    dispatch()
    assert ada().manager is None
    scim("PUT", f"/Users/{scim_id}", someone("boss"))


WAYS: dict[str, Way] = {
    "pushed": pushed,
    "pushed under another address": pushed_under_another_address,
    "adopted by address": adopted_by_address,
    "adopted by a click": adopted_by_a_click,
    "added by hand": added_by_hand,
    "given the userName": renamed(userName=BOSS),
    "given the externalId": renamed(externalId=BOSS),
    "given the address": renamed(emails=[mail(BOSS)]),
    "given the userName by PATCH": renamed_by_patch,
    "given the address by hand": readdressed_by_hand,
    "confirms the address": confirmed,
    "brought back": brought_back,
    "no guest any more": no_guest_any_more,
    "no longer below": no_longer_below,
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_when_they_are(scim: Provider, way: Way) -> None:
    scim.add("ada", **managed_by(BOSS))
    assert_waiting_is_listed()
    way(scim)

    dispatch()

    assert ada().manager
    assert ada().invites.get().hold_reason == ""
    waited = SyncError.objects.open().filter(reason="invalid-manager")
    assert not waited.exists()
    assert_waiting_is_listed()


def test_when_what_was_held_of_them_is_complete(connect: Connect) -> None:
    generic = connect("generic")
    core.person(email="bob@example.com")
    scim_id = generic.add("bob", userName=BOSS, **{RAMP: None})
    generic.add("ada", **managed_by(BOSS))
    dispatch()
    assert ada().manager is None

    generic("PUT", f"/Users/{scim_id}", someone("bob", userName=BOSS))
    dispatch()

    assert ada().manager == Person.objects.get(email="bob@example.com")


def test_when_an_administrator_reactivates_who_waits(scim: Provider) -> None:
    scim.add("ada", **managed_by(BOSS))
    people.deactivate_person(ada(), actor=HELPDESK)
    dispatch()
    assert not SyncError.objects.open().exists()

    people.reactivate_person(ada(), actor=HELPDESK)
    dispatch()

    assert SyncError.objects.open().get().reason == "invalid-manager"
    assert_waiting_is_listed()


def test_and_adoption_is_told_in_the_timeline(scim: Provider) -> None:
    bob = core.person(email="bob@example.com", given_name="Bob", family_name="Boss")
    scim.add("bob")

    event = Event.objects.get(kind=Event.Kind.PERSON_LINKED)

    assert (event.person, event.actor) == (bob, "scim:okta")
    assert event.facts == {"user_name": "bob@example.com"}


def test_costs_a_write_that_renames_nobody_nothing(scim: Provider) -> None:
    scim_id = scim.add("ada")

    scim.replace(scim_id, "title", "Countess")

    assert not Event.objects.filter(kind=Event.Kind.PERSON_LINKED).exists()
    assert not ScimUser.objects.get().former_names.exists()
