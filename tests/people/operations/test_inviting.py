"""Inviting …"""

from datetime import timedelta

import pytest
from django.utils import timezone

from people.mail.invite_links import invite_link
from people.models import Event, Invite, Person, Tenant
from people.operations import people
from people.operations.invites import lifecycle
from people.values import Actor, Invitation
from tests.clients.pages import signed_in, text_of
from tests.factories import core

pytestmark = pytest.mark.django_db

OKTA = Actor("scim", "okta")
HELPDESK = Actor("person", "helpdesk@example.com")


@pytest.fixture
def bob(owner: Person) -> Person:
    return core.person(state=Person.State.INVITED)


def lifetime(invite: Invite) -> timedelta:
    return invite.expires_at - invite.created_at


def test_from_scim_is_good_for_90_days(bob: Person) -> None:
    invite = lifecycle.issue_invite(bob, actor=OKTA)

    assert (invite.source, lifetime(invite)) == (Invite.Source.SCIM, timedelta(days=90))


def test_by_hand_is_good_for_14_days(bob: Person) -> None:
    invite = lifecycle.issue_invite(bob, actor=HELPDESK)

    assert (invite.source, lifetime(invite)) == (Invite.Source.HAND, timedelta(days=14))


def test_by_hand_is_good_for_as_long_as_the_tenant_says(bob: Person) -> None:
    Tenant.objects.update(manual_invite_days=3)

    assert lifetime(lifecycle.issue_invite(bob, actor=HELPDESK)) == timedelta(days=3)


def test_leaves_an_open_invite_as_it_is(bob: Person) -> None:
    first = lifecycle.issue_invite(bob, actor=OKTA)

    assert lifecycle.issue_invite(bob, actor=HELPDESK) == first

    assert bob.events.count() == 1


def test_again_after_a_withdrawal_makes_a_new_one(bob: Person) -> None:
    first = lifecycle.issue_invite(bob, actor=OKTA)
    assert lifecycle.revoke_invite(bob, actor=HELPDESK)

    assert lifecycle.issue_invite(bob, actor=OKTA) != first


def test_is_an_event_that_names_the_invite(bob: Person) -> None:
    invite = lifecycle.issue_invite(
        bob, actor=OKTA, invitation=Invitation(hold_reason="No manager yet")
    )

    event = bob.events.get()
    assert (event.kind, event.actor) == (Event.Kind.INVITE_ISSUED, "scim:okta")
    assert event.facts == {"invite": str(invite.pk), "held": "No manager yet"}


def test_when_held_waits_for_the_release(bob: Person) -> None:
    lifecycle.issue_invite(bob, actor=OKTA, invitation=Invitation(hold_reason="No manager yet"))

    assert lifecycle.release_invite(bob, actor=HELPDESK)

    assert bob.invites.get().hold_reason == ""
    assert bob.events.latest("pk").kind == Event.Kind.INVITE_RELEASED


def test_when_not_held_has_nothing_to_release(bob: Person) -> None:
    lifecycle.issue_invite(bob, actor=OKTA)

    assert not lifecycle.release_invite(bob, actor=HELPDESK)

    assert bob.events.count() == 1


def test_ends_with_their_joining(bob: Person) -> None:
    lifecycle.issue_invite(bob, actor=OKTA)

    assert people.activate_person(bob, actor=bob.actor)

    stored = Person.objects.get(pk=bob.pk)
    assert stored.state == Person.State.ACTIVE
    assert stored.joined_at <= timezone.now()
    assert bob.invites.get().accepted_at
    kinds = bob.events.order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == ["invite.issued", "invite.accepted", "person.joined"]


@pytest.mark.parametrize("state", sorted(set(Person.State) - {Person.State.INVITED}))
def test_is_the_only_state_to_join_from(owner: Person, state: Person.State) -> None:
    someone = core.person(state=state)

    assert not people.activate_person(someone, actor=someone.actor)

    assert Person.objects.get(pk=someone.pk).state == state


def test_withdrawn_cannot_be_withdrawn_again(bob: Person) -> None:
    lifecycle.issue_invite(bob, actor=OKTA)
    lifecycle.revoke_invite(bob, actor=OKTA)

    assert not lifecycle.revoke_invite(bob, actor=OKTA)

    assert bob.events.count() == 2


class TestAgain:
    """Inviting again …"""

    def test_mails_the_same_link_and_begins_its_time_anew(self, bob: Person) -> None:
        invite = lifecycle.issue_invite(bob, actor=OKTA)
        bob.invites.update(expires_at=timezone.now() - timedelta(days=1))

        again = lifecycle.resend_invite(bob, actor=HELPDESK)

        assert again == invite
        assert invite_link(again) == invite_link(invite)
        assert timedelta(days=89) < again.expires_at - timezone.now() <= timedelta(days=90)
        assert bob.mails.filter(invite=invite).count() == 2

    def test_is_an_event_that_names_the_invite(self, bob: Person) -> None:
        invite = lifecycle.issue_invite(bob, actor=OKTA)

        lifecycle.resend_invite(bob, actor=HELPDESK)

        event = bob.events.latest("pk")
        assert (event.kind, event.actor) == (Event.Kind.INVITE_RESENT, str(HELPDESK))
        assert event.facts == {"invite": str(invite.pk)}

    def test_issues_a_new_one_where_it_was_withdrawn(self, bob: Person) -> None:
        first = lifecycle.issue_invite(bob, actor=OKTA)
        lifecycle.revoke_invite(bob, actor=HELPDESK)

        again = lifecycle.resend_invite(bob, actor=HELPDESK)

        assert again != first
        assert lifetime(again) == timedelta(days=14)
        assert bob.mails.filter(invite=again).count() == 1

    def test_does_not_hurry_one_that_is_held(self, bob: Person) -> None:
        lifecycle.issue_invite(bob, actor=OKTA, invitation=Invitation(hold_reason="No manager."))

        with pytest.raises(lifecycle.InviteHeld, match="Choose “Invite anyway”"):
            lifecycle.resend_invite(bob, actor=HELPDESK)

        assert not bob.mails.exists()

    @pytest.mark.parametrize("state", sorted(set(Person.State) - {Person.State.INVITED}))
    def test_is_for_nobody_else(self, owner: Person, state: Person.State) -> None:
        someone = core.person(state=state)

        with pytest.raises(lifecycle.NotInvitable, match="Ada Lovelace cannot be invited"):
            lifecycle.resend_invite(someone, actor=HELPDESK)


class TestSettings:
    """How long an invite by hand lives …"""

    ADDRESS = "/people/invite-settings/"

    def test_is_the_companys_to_say(self, owner: Person, bob: Person) -> None:
        client = signed_in(owner)

        page = text_of(client.post(self.ADDRESS, {"days": "30"}, follow=True))

        assert "New invites now expire in 30 days." in page
        assert lifetime(lifecycle.issue_invite(_again(bob), actor=HELPDESK)) == timedelta(days=30)
        assert "The invite expires in 30 days." in text_of(client.get("/people/add/"))
        event = Event.objects.get(kind=Event.Kind.ORGANIZATION_CHANGED)
        assert event.changes == {"manual_invite_days": {"from": 14, "to": 30}}

    def test_is_no_news_when_it_stays(self, owner: Person) -> None:
        signed_in(owner).post(self.ADDRESS, {"days": "14"})

        assert not Event.objects.exists()

    @pytest.mark.parametrize("days", ["0", "-1", "1.5", "366", "soon", "", "1e3", "９０x"])
    def test_is_a_whole_number_from_1_to_365(self, owner: Person, days: str) -> None:
        response = signed_in(owner).post(self.ADDRESS, {"days": days})

        assert response.status_code == 200
        assert b'class="errorlist' in response.content or b"text-red" in response.content
        assert _again(owner).tenant.manual_invite_days == 14

    def test_is_for_administrators(self, bob: Person) -> None:
        signed_in(core.person()).post(self.ADDRESS, {"days": "30"})

        assert _again(bob).tenant.manual_invite_days == 14


def _again(person: Person) -> Person:
    read: Person = Person.objects.select_related("tenant").get(pk=person.pk)
    return read


@pytest.mark.django_db(transaction=True)
def test_leaves_nothing_when_its_event_cannot_be_written(
    bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    lifecycle.issue_invite(bob, actor=OKTA, invitation=Invitation(hold_reason="No manager yet"))
    monkeypatch.setattr("people.events.record", _fail)

    for operation in (lifecycle.release_invite, lifecycle.revoke_invite):
        with pytest.raises(RuntimeError):
            operation(bob, actor=OKTA)

    invite = bob.invites.get()
    assert (invite.hold_reason, invite.revoked_at) == ("No manager yet", None)


def _fail(*_: object, **__: object) -> None:
    raise RuntimeError("The database is gone.")
