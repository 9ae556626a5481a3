"""Changing an email address: the confirmation link, and when the new address takes effect."""

import re
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from people import tenancy
from people.mail.invite_links import invite_link
from people.mail.sending import send_due
from people.mail.signed_links import sign
from people.models import Event, Mail, Person, Tenant
from people.operations import email_changes, people, people_update, person_fields
from people.operations.invites import lifecycle
from people.values import Actor
from tests.clients.pages import signed_in, text_of
from tests.factories import core
from tests.services.postgres_redis_smtp import Smtp
from tests.support.concurrency import Racers

pytestmark = pytest.mark.django_db

OKTA = Actor("scim", "okta")
OLD, NEW, NEWER = "ada@example.com", "ada.king@example.com", "countess@example.com"
OUTDATED = "This link has expired"


def ask(person: Person, address: str, actor: Actor = OKTA) -> None:
    """Change the address, as an identity provider or an administrator would."""
    now = Person.objects.get(pk=person.pk)
    people_update.revise_person(now, replace(now.profile, email=address), actor=actor)


def send() -> int:
    return send_due(as_of=timezone.now())


def links_to(smtp: Smtp, address: str) -> list[str]:
    """Return the paths of the links that were mailed there."""
    send()
    bodies = [message.get_body(("plain",)) for message in smtp.to(address)]
    texts = [body.get_content() for body in bodies if body]
    return [path for text in texts for path in re.findall(r"http://[^/]+(/\S+)", text)]


def addresses(person: Person) -> tuple[str, str]:
    now = Person.objects.get(pk=person.pk)
    return now.email, now.pending_email


def confirm(link: str) -> Any:
    return Client().post(link)


class TestEmails:
    def test_link_goes_to_the_new_address_and_notice_to_the_old(
        self, ada: Person, smtp: Smtp
    ) -> None:
        ask(ada, NEW)

        assert send() == 2

        [link], [notice] = links_to(smtp, NEW), smtp.to(OLD)
        assert link.startswith("/confirm-address/")
        assert NEW in str(notice.get_body(("plain",)))
        assert "/confirm-address/" not in str(notice)

    def test_nothing_is_sent_when_the_same_change_is_repeated(
        self, ada: Person, smtp: Smtp
    ) -> None:
        for _ in range(3):
            ask(ada, NEW)

        assert send() == 2

    def test_nothing_is_sent_once_the_change_is_canceled(self, ada: Person, smtp: Smtp) -> None:
        ask(ada, NEW)
        ask(ada, OLD)

        assert send() == 0
        assert addresses(ada) == (OLD, "")

    def test_nothing_is_sent_to_a_deactivated_person(self, ada: Person, smtp: Smtp) -> None:
        ask(ada, NEW)
        people.deactivate_person(ada, actor=OKTA)

        assert send() == 0

    def test_person_who_never_joined_gets_a_new_invite(self, owner: Person, smtp: Smtp) -> None:
        bob = core.person(email=OLD, state=Person.State.INVITED)
        older = lifecycle.issue_invite(bob, actor=OKTA)
        send()

        ask(bob, NEW)

        invite = bob.invites.open().get()
        assert links_to(smtp, NEW) == [invite_link(invite).partition("127.0.0.1:8000")[2]]
        assert (invite != older, invite.source) == (True, older.source)
        assert addresses(bob) == (NEW, "")

    def test_no_new_invite_is_sent_if_only_the_case_changes(
        self, owner: Person, smtp: Smtp
    ) -> None:
        bob = core.person(email=OLD, state=Person.State.INVITED)
        invite = lifecycle.issue_invite(bob, actor=OKTA)
        send()

        ask(bob, OLD.upper())

        assert send() == 0
        assert bob.invites.get() == invite

    def test_resending_the_confirmation_sends_the_same_link(self, ada: Person, smtp: Smtp) -> None:
        ask(ada, NEW)
        helpdesk = signed_in(core.administrator())

        page = text_of(helpdesk.get(f"/people/{ada.pk}/"))
        assert "Resend confirmation" in page
        page = text_of(helpdesk.post(f"/people/{ada.pk}/resend-confirmation/", follow=True))

        assert f"The confirmation was sent again to {NEW}." in page
        first, second = links_to(smtp, NEW)
        assert first == second
        assert confirm(second).status_code == 200


class TestNewAddressTakesEffect:
    @pytest.fixture
    def link(self, ada: Person, smtp: Smtp) -> str:
        ask(ada, NEW)
        [link] = links_to(smtp, NEW)
        return link

    def test_not_when_the_link_is_only_opened(self, ada: Person, link: str) -> None:
        for method in ("get", "head"):
            assert getattr(Client(), method)(link).status_code == 200

        assert addresses(ada) == (OLD, NEW)

    def test_when_the_person_confirms(self, ada: Person, link: str) -> None:
        response = confirm(link)

        assert f"now <strong>{NEW}</strong>" in text_of(response)
        assert addresses(ada) == (NEW, "")

    def test_with_an_event_of_the_person(self, ada: Person, link: str) -> None:
        response = confirm(link)

        event = ada.events.latest("pk")
        assert (event.kind, event.actor) == (Event.Kind.ADDRESS_CONFIRMED, f"person:{NEW}")
        assert event.changes == {
            "email": {"from": OLD, "to": NEW},
            "pending_email": {"from": NEW, "to": None},
        }
        assert str(event.request_id) == response["X-Request-Id"]

    def test_without_ending_sessions(self, ada: Person, link: str) -> None:
        browser = signed_in(ada)

        page = text_of(browser.post(link))

        assert "Go to your profile" in page
        assert browser.get("/home/").status_code == 200

    def test_when_it_replaces_an_earlier_pending_address(
        self, ada: Person, link: str, smtp: Smtp
    ) -> None:
        ask(ada, NEWER)
        [newer] = links_to(smtp, NEWER)

        assert confirm(newer).status_code == 200
        assert addresses(ada) == (NEWER, "")


class TestLinkDoesNotWork:
    @pytest.fixture(autouse=True)
    def link(self, ada: Person, smtp: Smtp) -> str:
        ask(ada, NEW)
        [link] = links_to(smtp, NEW)
        return link

    def refused(self, link: str, status: int, text: str) -> None:
        """Check that both opening the link and confirming with it are refused."""
        for response in (Client().get(link), confirm(link)):
            assert (response.status_code, text in text_of(response)) == (status, True)

    def test_of_an_earlier_pending_address(self, ada: Person, link: str) -> None:
        ask(ada, NEWER)

        self.refused(link, 410, OUTDATED)
        assert addresses(ada) == (OLD, NEWER)

    def test_of_an_earlier_change_to_the_same_address(
        self, ada: Person, link: str, smtp: Smtp
    ) -> None:
        ask(ada, NEWER)
        ask(ada, NEW)

        self.refused(link, 410, OUTDATED)
        assert confirm(links_to(smtp, NEW)[-1]).status_code == 200

    def test_once_the_change_is_canceled(self, ada: Person, link: str) -> None:
        ask(ada, OLD)

        self.refused(link, 410, OUTDATED)

    def test_twice(self, link: str) -> None:
        confirm(link)

        self.refused(link, 410, OUTDATED)

    def test_if_another_person_has_the_address_now(self, ada: Person, link: str) -> None:
        core.person(email=NEW)

        response = confirm(link)

        assert response.status_code == 409
        assert "Email is already associated with another employee" in text_of(response)
        assert addresses(ada) == (OLD, NEW)

    def test_while_the_person_is_deactivated(self, ada: Person, link: str) -> None:
        people.deactivate_person(ada, actor=OKTA)

        self.refused(link, 403, "Ask your administrator to reactivate it there.")

    def test_once_the_person_is_terminated(self, ada: Person, link: str) -> None:
        now = timezone.now()
        Person.objects.filter(pk=ada.pk).update(state="terminated", terminated_at=now)

        response = confirm(link)

        assert response.status_code == 410
        assert addresses(ada) == (OLD, NEW)

    def test_while_the_tenant_is_suspended(self, tenant: Tenant, link: str) -> None:
        Tenant.objects.filter(pk=tenant.pk).update(is_active=False)

        self.refused(link, 403, "is suspended")

    def test_if_it_is_forged(self, ada: Person, link: str) -> None:
        mail = Mail.objects.get(kind=Mail.Kind.CONFIRM_ADDRESS)
        notice = Mail.objects.get(kind=Mail.Kind.ADDRESS_CHANGES)
        elsewhere = sign("invite", mail.pk).rstrip("/").rpartition("/")[2]
        other = sign("confirm-address", notice.pk).partition("127.0.0.1:8000")[2]

        for forged in (f"{link[:-2]}/", "/confirm-address/x/", f"/confirm-address/{elsewhere}/"):
            self.refused(forged, 404, "This link does not work")
        self.refused(other, 404, "This link does not work")


class TestChangeByAdministrator:
    @staticmethod
    def edit(person: Person, **changes: str) -> str:
        data = {
            "given_name": person.given_name,
            "family_name": person.family_name,
            "role": person.role,
            "seen": Person.objects.get(pk=person.pk).changed_at.isoformat(),
        }
        client = signed_in(core.administrator())
        return text_of(client.post(f"/people/{person.pk}/edit/", data | changes, follow=True))

    def test_is_pending_until_confirmed(self, ada: Person, smtp: Smtp) -> None:
        page = self.edit(ada, email=NEW)

        assert f"A confirmation link was sent to {NEW}." in page
        assert f"The email address changes to <strong>{NEW}</strong> once it is confirmed." in page
        [link] = links_to(smtp, NEW)
        assert confirm(link).status_code == 200
        assert addresses(ada) == (NEW, "")

    def test_can_be_canceled(self, ada: Person) -> None:
        self.edit(ada, email=NEW)

        self.edit(ada, email=OLD)

        assert addresses(ada) == (OLD, "")

    def test_is_a_manual_override_of_a_managed_address(self, ada: Person) -> None:
        ask(ada, OLD, actor=OKTA)

        page = self.edit(ada, email=NEW)

        assert "Okta manages email address" in page
        assert Person.objects.get(pk=ada.pk).manually_overridden_at

    def test_shows_why_the_mail_was_not_delivered(self, ada: Person, smtp: Smtp) -> None:
        smtp.refusals[NEW] = "550 No such user"
        self.edit(ada, email=NEW)
        send()

        page = text_of(signed_in(core.administrator()).get(f"/people/{ada.pk}/"))

        assert f"The email to {NEW} was not delivered: 550 No such user" in page

    def test_confirmation_cannot_be_resent_without_a_pending_address(self, ada: Person) -> None:
        client = signed_in(core.administrator())

        page = text_of(client.post(f"/people/{ada.pk}/resend-confirmation/", follow=True))

        assert "has no address left to confirm" in page
        assert client.get(f"/people/{ada.pk}/resend-confirmation/").status_code == 405

    def test_employee_cannot_resend_the_confirmation(self, ada: Person, smtp: Smtp) -> None:
        ask(ada, NEW)
        send()

        signed_in(ada).post(f"/people/{ada.pk}/resend-confirmation/")

        assert send() == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("racers", [2], indirect=True)
def test_two_people_confirm_the_same_address_at_once_and_one_gets_it(
    owner: Person, racers: Racers
) -> None:
    for number in range(10):
        wanted = f"wanted-{number}@example.com"
        pair = [core.person(), core.person()]
        for person in pair:
            ask(person, wanted)
        asking = [Mail.objects.get(person=one, kind=Mail.Kind.CONFIRM_ADDRESS) for one in pair]

        results = racers(
            *[partial(email_changes.confirm_address, mail, actor=OKTA) for mail in asking]
        )

        refused = [answer for answer in results if not isinstance(answer, Person)]
        assert [type(refusal) for refusal in refused] == [person_fields.DuplicateEmail]
        with tenancy.use(owner.tenant_id):
            assert Person.objects.filter(email=wanted).count() == 1
