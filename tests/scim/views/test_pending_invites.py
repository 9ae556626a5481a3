"""The pending invites in Team updates."""

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from people.mail.invite_links import invite_link
from people.models import Event, Invite, Mail, Person
from people.operations import people
from people.operations.invites import lifecycle
from people.values import Actor
from scim.views.team_updates import pending_invites
from tests.clients.pages import signed_in, text_of
from tests.clients.scim import Provider, managed_by
from tests.factories import core

pytestmark = pytest.mark.django_db

HELPDESK = Actor("person", "helpdesk@example.com")
UPDATES = "/people/updates/"


@pytest.fixture
def client(owner: Person) -> Client:
    return signed_in(owner)


def invited(**fields: Any) -> Invite:
    person = core.person(**{"state": Person.State.INVITED} | fields)
    return lifecycle.issue_invite(person, actor=HELPDESK)


def mailed(invite: Invite, **fields: Any) -> Mail:
    """Set fields of the mail of the invite, and return the mail."""
    Mail.objects.filter(invite=invite).update(**fields)
    return Mail.objects.get(invite=invite)


def expire(*invites: Invite) -> None:
    keys = [invite.pk for invite in invites]
    Invite.objects.filter(pk__in=keys).update(expires_at=timezone.now() - timedelta(days=1))


def list_page(client: Client, **query: Any) -> str:
    return text_of(client.get(f"{UPDATES}invites/", query))


def test_shows_person_and_dates(client: Client) -> None:
    invite = invited(family_name="Hopper")
    mailed(invite, sent_at=timezone.now())

    page = list_page(client)

    assert "Ada Hopper" in page
    assert f"Sent on {timezone.now():%-d %B %Y}" in page
    assert f"{invite.expires_at:%-d %B %Y}" in page
    assert 'Pending invites <span class="ramp-count">1</span>' in page


def test_shows_invite_that_waits_for_a_manager(client: Client, scim: Provider) -> None:
    scim.add("ada", **managed_by("bob@example.com"))

    page = list_page(client)

    assert "Waiting for the manager to arrive" in page
    assert "Resend<" not in page
    [why] = re.findall(r'href="([^"]+)"[^>]*>See why<', page)
    assert "Invite anyway" in text_of(client.get(why))


def test_shows_invite_without_mail(client: Client) -> None:
    Mail.objects.filter(invite=invited()).delete()

    assert "Not emailed" in list_page(client)


def test_shows_mail_being_sent(client: Client) -> None:
    invited()

    assert "Sending since" in list_page(client)


def test_shows_error_of_the_mail_server(client: Client) -> None:
    mailed(invited(), sent_at=timezone.now(), problem="550 No such user <ada>")

    page = list_page(client)

    assert "Not delivered" in page
    assert "550 No such user &lt;ada&gt;" in page


def test_shows_expired_invite(client: Client) -> None:
    expire(invited())

    assert "Expired </span> on" in list_page(client)


def test_accepted_invite_is_not_listed(client: Client) -> None:
    people.activate_person(invited(family_name="Hopper").person, actor=HELPDESK)

    assert "Hopper" not in list_page(client)


@pytest.mark.parametrize(
    ("show", "expected"),
    [
        ("held", "Held"),
        ("undelivered", "Bounced"),
        ("unmailed", "Unmailed"),
        ("expired", "Late"),
    ],
)
def test_filter_by_status(client: Client, show: str, expected: str) -> None:
    names = ["Held", "Bounced", "Unmailed", "Late", "Fine"]
    held, bounced, unmailed, late, _ = [invited(family_name=f"Mc{name}") for name in names]
    Invite.objects.filter(pk=held.pk).update(hold_reason="Waiting")
    mailed(bounced, sent_at=timezone.now(), problem="550")
    Mail.objects.filter(invite=unmailed).delete()
    expire(late)

    page = list_page(client, show=show)

    assert [name for name in names if f"Mc{name}" in page] == [expected]


def test_search_by_person(client: Client) -> None:
    invited(family_name="Hopper")
    invited(family_name="Kelly", email="grace@example.com")

    assert "Kelly" not in list_page(client, q="hopp ADA")
    assert "Hopper" not in list_page(client, q="GRACE@")


def test_unknown_filter_and_page_are_ignored(client: Client) -> None:
    invited(family_name="Hopper")

    assert "Hopper" in list_page(client, show="<b>", page="nonsense")


class TestEmptyList:
    def test_before_the_first_invite(self, client: Client) -> None:
        assert "No invites yet" in list_page(client)

    def test_if_no_invite_matches_the_search(self, client: Client) -> None:
        invited()

        assert "No invite matches" in list_page(client, q="xyzzy")

    def test_after_all_invites_were_accepted(self, client: Client) -> None:
        people.activate_person(invited().person, actor=HELPDESK)

        assert "No pending invites" in list_page(client)


class TestResending:
    def test_invite_is_mailed_and_its_validity_renewed(self, client: Client, owner: Person) -> None:
        invite = invited()
        expire(invite)

        page = text_of(client.post(f"{UPDATES}invites/{invite.pk}/resend/", follow=True))

        assert "The invite is being resent to Ada Lovelace." in page
        assert "Expired" not in page.split("<table")[1]
        assert Mail.objects.filter(invite=invite).count() == 2
        event = Event.objects.get(kind=Event.Kind.INVITE_RESENT)
        assert event.actor == f"person:{owner.email}"

    def test_held_invite_is_not_resent(self, client: Client, scim: Provider) -> None:
        scim.add("ada", **managed_by("bob@example.com"))
        invite = Invite.objects.get()

        page = text_of(client.post(f"{UPDATES}invites/{invite.pk}/resend/", follow=True))

        assert "Ada Lovelace: The invite is on hold" in page
        assert not Mail.objects.filter(invite=invite).exists()

    def test_selected_invites_are_resent(self, client: Client) -> None:
        first, second, other = [invited() for _ in range(3)]

        ticked = {"invite": [str(first.pk), str(second.pk), "nonsense", str(uuid4())]}
        page = text_of(client.post(f"{UPDATES}resend/", ticked, follow=True))

        assert "The invite is being resent to 2 people." in page
        assert [one.mails.count() for one in (first, second, other)] == [2, 2, 1]

    def test_selection_is_required(self, client: Client) -> None:
        invited()

        page = text_of(client.post(f"{UPDATES}resend/", follow=True))

        assert "No invites selected" in page

    def test_all_expired_invites_are_resent_up_to_a_limit(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pending_invites, "MAX_AT_ONCE", 2)
        late = [invited() for _ in range(3)]
        fresh = invited()
        expire(*late)

        page = text_of(client.post(f"{UPDATES}resend/", {"expired": "all"}, follow=True))

        assert "The invite is being resent to 2 people." in page
        assert "1 more invites have expired" in page
        assert fresh.mails.count() == 1

    def test_accepted_invite_is_not_found(self, client: Client) -> None:
        invite = invited()
        people.activate_person(invite.person, actor=HELPDESK)

        assert client.post(f"{UPDATES}invites/{invite.pk}/resend/").status_code == 404

    def test_get_request_is_refused(self, client: Client) -> None:
        assert client.get(f"{UPDATES}invites/{invited().pk}/resend/").status_code == 405
        assert client.get(f"{UPDATES}resend/").status_code == 405


class TestRevoking:
    def test_confirmation_is_required(self, client: Client) -> None:
        invite = invited()

        page = text_of(client.get(f"{UPDATES}invites/{invite.pk}/revoke/"))

        assert "Revoke invite" in page
        assert Invite.objects.open().exists()

    def test_invite_is_revoked(self, client: Client) -> None:
        invite = invited()

        page = text_of(client.post(f"{UPDATES}invites/{invite.pk}/revoke/", follow=True))

        assert "The invite of Ada Lovelace was revoked." in page
        assert not Invite.objects.open().exists()


class TestCopyingTheLink:
    def test_link_is_shown_in_a_text_field(self, client: Client) -> None:
        invite = invited()

        page = text_of(client.get(f"{UPDATES}invites/{invite.pk}/link/"))

        assert f'value="{invite_link(invite)}" readonly' in page

    def test_expired_link_is_explained(self, client: Client) -> None:
        invite = invited()
        expire(invite)

        assert "has expired" in text_of(client.get(f"{UPDATES}invites/{invite.pk}/link/"))

    def test_invite_of_another_company_is_not_found(self, client: Client) -> None:
        with core.in_another_tenant():
            invite = invited()

        for what in ("link", "revoke"):
            assert client.get(f"{UPDATES}invites/{invite.pk}/{what}/").status_code == 404
