"""Invites: issuing, holding, revoking and sending again."""

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


def test_invite_by_scim_expires_after_90_days(bob: Person) -> None:
    invite = lifecycle.issue_invite(bob, actor=OKTA)

    assert (invite.source, lifetime(invite)) == (Invite.Source.SCIM, timedelta(days=90))


def test_manual_invite_expires_after_14_days(bob: Person) -> None:
    invite = lifecycle.issue_invite(bob, actor=HELPDESK)

    assert (invite.source, lifetime(invite)) == (Invite.Source.HAND, timedelta(days=14))


def test_lifetime_of_manual_invites_is_a_setting_of_the_tenant(bob: Person) -> None:
    Tenant.objects.update(manual_invite_days=3)

    assert lifetime(lifecycle.issue_invite(bob, actor=HELPDESK)) == timedelta(days=3)


def test_issuing_again_keeps_the_open_invite(bob: Person) -> None:
    first = lifecycle.issue_invite(bob, actor=OKTA)

    assert lifecycle.issue_invite(bob, actor=HELPDESK) == first

    assert bob.events.count() == 1


def test_issuing_after_revocation_creates_a_new_invite(bob: Person) -> None:
    first = lifecycle.issue_invite(bob, actor=OKTA)
    assert lifecycle.revoke_invite(bob, actor=HELPDESK)

    assert lifecycle.issue_invite(bob, actor=OKTA) != first


def test_issuing_records_an_event_with_the_invite(bob: Person) -> None:
    invite = lifecycle.issue_invite(
        bob, actor=OKTA, invitation=Invitation(hold_reason="No manager yet")
    )

    event = bob.events.get()
    assert (event.kind, event.actor) == (Event.Kind.INVITE_ISSUED, "scim:okta")
    assert event.facts == {"invite": str(invite.pk), "held": "No manager yet"}


def test_held_invite_can_be_released(bob: Person) -> None:
    lifecycle.issue_invite(bob, actor=OKTA, invitation=Invitation(hold_reason="No manager yet"))

    assert lifecycle.release_invite(bob, actor=HELPDESK)

    assert bob.invites.get().hold_reason == ""
    assert bob.events.latest("pk").kind == Event.Kind.INVITE_RELEASED


def test_releasing_an_invite_without_a_hold_changes_nothing(bob: Person) -> None:
    lifecycle.issue_invite(bob, actor=OKTA)

    assert not lifecycle.release_invite(bob, actor=HELPDESK)

    assert bob.events.count() == 1


def test_joining_accepts_the_invite(bob: Person) -> None:
    lifecycle.issue_invite(bob, actor=OKTA)

    assert people.activate_person(bob, actor=bob.actor)

    stored = Person.objects.get(pk=bob.pk)
    assert stored.state == Person.State.ACTIVE
    assert stored.joined_at <= timezone.now()
    assert bob.invites.get().accepted_at
    kinds = bob.events.order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == ["invite.issued", "invite.accepted", "person.joined"]


@pytest.mark.parametrize("state", sorted(set(Person.State) - {Person.State.INVITED}))
def test_only_an_invited_person_can_be_activated(owner: Person, state: Person.State) -> None:
    someone = core.person(state=state)

    assert not people.activate_person(someone, actor=someone.actor)

    assert Person.objects.get(pk=someone.pk).state == state


def test_revoking_twice_changes_nothing(bob: Person) -> None:
    lifecycle.issue_invite(bob, actor=OKTA)
    lifecycle.revoke_invite(bob, actor=OKTA)

    assert not lifecycle.revoke_invite(bob, actor=OKTA)

    assert bob.events.count() == 2


class TestResending:
    def test_sends_the_same_link_and_restarts_its_lifetime(self, bob: Person) -> None:
        invite = lifecycle.issue_invite(bob, actor=OKTA)
        bob.invites.update(expires_at=timezone.now() - timedelta(days=1))

        again = lifecycle.resend_invite(bob, actor=HELPDESK)

        assert again == invite
        assert invite_link(again) == invite_link(invite)
        assert timedelta(days=89) < again.expires_at - timezone.now() <= timedelta(days=90)
        assert bob.mails.filter(invite=invite).count() == 2

    def test_records_an_event_with_the_invite(self, bob: Person) -> None:
        invite = lifecycle.issue_invite(bob, actor=OKTA)

        lifecycle.resend_invite(bob, actor=HELPDESK)

        event = bob.events.latest("pk")
        assert (event.kind, event.actor) == (Event.Kind.INVITE_RESENT, str(HELPDESK))
        assert event.facts == {"invite": str(invite.pk)}

    def test_issues_a_new_invite_after_revocation(self, bob: Person) -> None:
        first = lifecycle.issue_invite(bob, actor=OKTA)
        lifecycle.revoke_invite(bob, actor=HELPDESK)

        again = lifecycle.resend_invite(bob, actor=HELPDESK)

        assert again != first
        assert lifetime(again) == timedelta(days=14)
        assert bob.mails.filter(invite=again).count() == 1

    def test_is_refused_while_the_invite_is_on_hold(self, bob: Person) -> None:
        lifecycle.issue_invite(bob, actor=OKTA, invitation=Invitation(hold_reason="No manager."))

        with pytest.raises(lifecycle.InviteHeld, match="Choose “Invite anyway”"):
            lifecycle.resend_invite(bob, actor=HELPDESK)

        assert not bob.mails.exists()

    @pytest.mark.parametrize("state", sorted(set(Person.State) - {Person.State.INVITED}))
    def test_is_refused_for_people_who_are_not_invited(
        self, owner: Person, state: Person.State
    ) -> None:
        someone = core.person(state=state)

        with pytest.raises(lifecycle.NotInvitable, match="Ada Lovelace cannot be invited"):
            lifecycle.resend_invite(someone, actor=HELPDESK)


class TestInviteLifetimeSetting:
    ADDRESS = "/people/invite-settings/"

    def test_can_be_changed_by_an_owner(self, owner: Person, bob: Person) -> None:
        client = signed_in(owner)

        page = text_of(client.post(self.ADDRESS, {"days": "30"}, follow=True))

        assert "New invites now expire in 30 days." in page
        assert lifetime(lifecycle.issue_invite(_again(bob), actor=HELPDESK)) == timedelta(days=30)
        assert "The invite expires in 30 days." in text_of(client.get("/people/add/"))
        event = Event.objects.get(kind=Event.Kind.ORGANIZATION_CHANGED)
        assert event.changes == {"manual_invite_days": {"from": 14, "to": 30}}

    def test_saving_the_same_value_records_no_event(self, owner: Person) -> None:
        signed_in(owner).post(self.ADDRESS, {"days": "14"})

        assert not Event.objects.exists()

    @pytest.mark.parametrize("days", ["0", "-1", "1.5", "366", "soon", "", "1e3", "９０x"])
    def test_must_be_an_integer_from_1_to_365(self, owner: Person, days: str) -> None:
        response = signed_in(owner).post(self.ADDRESS, {"days": days})

        assert response.status_code == 200
        assert b'class="errorlist' in response.content or b"text-red" in response.content
        assert _again(owner).tenant.manual_invite_days == 14

    def test_cannot_be_changed_by_employees(self, bob: Person) -> None:
        signed_in(core.person()).post(self.ADDRESS, {"days": "30"})

        assert _again(bob).tenant.manual_invite_days == 14


def _again(person: Person) -> Person:
    read: Person = Person.objects.select_related("tenant").get(pk=person.pk)
    return read


@pytest.mark.django_db(transaction=True)
def test_changes_nothing_if_the_event_cannot_be_stored(
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
