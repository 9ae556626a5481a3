"""Sending of mails, with invites as the example."""

from datetime import timedelta
from email.message import EmailMessage
from email.utils import getaddresses
from smtplib import SMTP
from typing import Any
from unittest.mock import patch

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone
from pytest_django import Settings

from people.db.leases import holder
from people.mail.invite_links import invite_link
from people.mail.sending import LEASE, PAUSES, send_due
from people.models import Mail, Person, Tenant
from people.operations import people
from people.operations.invites import lifecycle
from people.values import Actor, Invitation, Profile
from tests.factories import core
from tests.services.postgres_redis_smtp import Smtp
from tests.support.concurrency import Racers

pytestmark = pytest.mark.django_db

OKTA = Actor("scim", "okta")
HELPDESK = Actor("person", "helpdesk@example.com")
BOB = "bob@example.com"


def invited(email: str = BOB, *, manager: Person | None = None, **values: Any) -> Person:
    profile = Profile(given_name="Bob", family_name="Babbage", email=email)
    return people.add_person(profile, actor=OKTA, manager=manager, **values)


def send(**later: float) -> int:
    return send_due(as_of=timezone.now() + timedelta(**later))


def text(message: EmailMessage, kind: str = "plain") -> str:
    body = message.get_body((kind,))
    assert body
    output: str = body.get_content()
    return output


def headers(smtp: Smtp, name: str) -> list[tuple[str, str]]:
    [mail] = smtp.received
    return getaddresses(mail.message.get_all(name, []))


class TestIsSent:
    def test_to_an_invited_person_with_the_link(self, owner: Person, smtp: Smtp) -> None:
        bob = invited()

        assert send() == 1

        [message] = smtp.to(BOB)
        for kind in ("plain", "html"):
            assert invite_link(bob.invites.get()) in text(message, kind)
        assert Mail.objects.get().sent_at

    def test_only_once(self, owner: Person, smtp: Smtp) -> None:
        invited()
        send()

        assert send(days=2) == 0

        assert len(smtp.received) == 1

    def test_for_all_tenants(self, owner: Person, smtp: Smtp) -> None:
        invited()
        with core.in_another_tenant():
            invited("eve@example.com")

        assert send() == 2

    def test_by_the_command_run_due(self, owner: Person, smtp: Smtp) -> None:
        invited()

        call_command("run_due")

        assert len(smtp.received) == 1

    def test_only_after_the_change_is_committed(self, owner: Person, smtp: Smtp) -> None:
        with transaction.atomic():
            invited()
            transaction.set_rollback(True)

        assert send() == 0

    def test_when_a_held_invite_is_released(self, owner: Person, smtp: Smtp) -> None:
        bob = invited(invitation=Invitation(hold_reason="No manager yet."))
        assert send() == 0

        lifecycle.release_invite(bob, actor=OKTA)

        assert send() == 1

    def test_to_no_person_with_an_unmailed_invitation(self, owner: Person, smtp: Smtp) -> None:
        unmailed = Invitation(is_mailed=False)
        invited(invitation=unmailed)
        eve = core.person(state=Person.State.INACTIVE, joined_at=None)
        people.reactivate_person(eve, actor=OKTA, invitation=unmailed)
        held = invited("held@example.com", invitation=Invitation(hold_reason="No manager yet."))
        lifecycle.release_invite(held, actor=OKTA, is_mailed=False)

        assert send() == 0

    def test_outside_of_transactions(self, owner: Person, monkeypatch: pytest.MonkeyPatch) -> None:
        invited()
        outside = len(connection.savepoint_ids)
        depths: list[int] = []

        def note(_: Any, mails: list[Any]) -> int:
            depths.append(len(connection.savepoint_ids))
            return len(mails)

        monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", note)

        send()

        assert depths == [outside]

    def test_together_with_other_mails_over_one_connection(self, owner: Person, smtp: Smtp) -> None:
        for number in range(60):
            invited(f"bob{number}@example.com")

        with patch.object(SMTP, "connect", autospec=True, side_effect=SMTP.connect) as connect:
            send()

        assert len(smtp.received) == 60
        assert connect.call_count == 1


class TestSender:
    def test_is_the_manager(self, owner: Person, smtp: Smtp) -> None:
        ada = core.person(given_name="Ada", family_name="Lovelace", email="ada@example.com")
        invited(manager=ada)

        send()

        assert headers(smtp, "From") == [("Ada Lovelace", "ramp@127.0.0.1")]
        assert headers(smtp, "Reply-To") == [("Ada Lovelace", "ada@example.com")]
        assert smtp.received[0].sender == "ramp@127.0.0.1"

    @pytest.mark.parametrize("state", [None, Person.State.INACTIVE, Person.State.TERMINATED])
    def test_is_the_account_owner_without_an_active_manager(
        self, tenant: Tenant, owner: Person, smtp: Smtp, state: str | None
    ) -> None:
        Tenant.objects.filter(pk=tenant.pk).update(owner=owner)
        bob = invited()
        if state:
            Person.objects.filter(pk=bob.pk).update(manager=core.person(state=state))

        send()

        assert headers(smtp, "From")[0][0] == "Olga Owner"
        assert headers(smtp, "Reply-To") == [("Olga Owner", owner.email)]

    def test_is_ramp_without_manager_and_account_owner(self, tenant: Tenant, smtp: Smtp) -> None:
        invited()

        send()

        assert headers(smtp, "From") == [("Ramp", "ramp@127.0.0.1")]
        assert headers(smtp, "Reply-To") == []

    @pytest.mark.parametrize(
        ("family_name", "shown"),
        [
            ("Lovelace\r\nBcc: eve@evil.example", "Ada Lovelace Bcc: eve@evil.example"),
            ("Lovelace\n\nHello", "Ada Lovelace Hello"),
            ('"Eve" <eve@evil.example>, x', 'Ada "Eve" <eve@evil.example>, x'),
            ("Đặng Ngọc 李", "Ada Đặng Ngọc 李"),
            ("\u202eevil\u2066", "Ada evil"),
            ("von " + "Hohenzollern " * 14, ("Ada von " + "Hohenzollern " * 14).strip()),
        ],
    )
    def test_name_is_escaped_in_headers(
        self, owner: Person, smtp: Smtp, family_name: str, shown: str
    ) -> None:
        invited(manager=core.person(family_name=family_name, email="ada@example.com"))

        send()

        [mail] = smtp.received
        assert headers(smtp, "From") == [(shown, "ramp@127.0.0.1")]
        assert headers(smtp, "Reply-To") == [(shown, "ada@example.com")]
        assert (mail.to, mail.message["Bcc"]) == (BOB, None)
        assert mail.message["Subject"].strip().startswith(f"{shown} invites you to")

    def test_links_use_the_public_base_url(
        self, owner: Person, smtp: Smtp, settings: Settings
    ) -> None:
        settings.PUBLIC_BASE_URL = "https://ramp.example.com"
        invited()

        send()

        assert "\nhttps://ramp.example.com/invite/" in text(smtp.to(BOB)[0])


class TestIsNotSent:
    @pytest.fixture(autouse=True)
    def bob(self, owner: Person, smtp: Smtp) -> Person:
        return invited()

    def given_up(self) -> str:
        assert send() == send(days=2) == 0
        mail = Mail.objects.get()
        assert mail.given_up_at
        return mail.problem

    def test_once_the_invite_is_revoked(self, bob: Person) -> None:
        lifecycle.revoke_invite(bob, actor=HELPDESK)

        assert self.given_up() == "The invite was revoked."

    def test_once_the_person_has_joined(self, bob: Person) -> None:
        people.activate_person(bob, actor=bob.actor)

        assert self.given_up() == "The invite was already accepted."

    def test_once_the_person_is_deactivated(self, bob: Person) -> None:
        people.deactivate_person(bob, actor=OKTA)

        assert self.given_up() == "Bob Babbage is inactive."

    def test_once_the_invite_has_expired(self, bob: Person) -> None:
        bob.invites.update(expires_at=timezone.now())

        assert self.given_up() == "The invite expired before it could be sent."

    def test_while_the_invite_is_on_hold(self, bob: Person) -> None:
        bob.invites.update(hold_reason="No manager yet.")

        assert self.given_up() == "The invite is on hold: No manager yet."

    def test_for_people_in_a_sandbox(self, tenant: Tenant) -> None:
        Tenant.objects.filter(pk=tenant.pk).update(is_sandbox=True)

        assert self.given_up() == "People in a sandbox get no email."

    def test_while_the_tenant_is_suspended(self, tenant: Tenant) -> None:
        Tenant.objects.filter(pk=tenant.pk).update(is_active=False)

        assert self.given_up() == f"{tenant.name} is suspended."


class TestIsRetried:
    @pytest.fixture(autouse=True)
    def bob(self, owner: Person, smtp: Smtp) -> Person:
        return invited()

    def test_with_the_same_message_id_and_link(self, bob: Person, smtp: Smtp) -> None:
        smtp.refusals[BOB] = "451 Come back later"
        assert send() == 0
        first = Mail.objects.get()
        assert first.problem == "451 Come back later"
        smtp.refusals.clear()

        assert send(seconds=59) == 0
        assert send(seconds=61) == 1

        assert smtp.ids == {f"<{first.pk}@127.0.0.1>"}
        assert invite_link(bob.invites.get()) in text(smtp.to(BOB)[0])
        assert Mail.objects.get().problem == ""

    def test_for_about_a_day(self, smtp: Smtp) -> None:
        smtp.refusals[BOB] = "451 Come back later"

        for after in (timedelta(), *PAUSES):
            Mail.objects.update(due_at=timezone.now() - timedelta(seconds=1))
            assert Mail.objects.get().given_up_at is None, after
            send()

        mail = Mail.objects.get()
        assert (mail.given_up_at is not None, mail.attempts) == (True, len(PAUSES) + 1)
        assert timedelta(hours=20) < sum(PAUSES, timedelta()) < timedelta(hours=28)

    @pytest.mark.parametrize("output", ["550 No such user", "553 Not here"])
    def test_not_if_the_recipient_is_refused_permanently(self, smtp: Smtp, output: str) -> None:
        smtp.refusals[BOB] = output

        send()

        mail = Mail.objects.get()
        assert mail.given_up_at
        assert mail.problem == output

    def test_not_if_the_message_is_refused_permanently(self, smtp: Smtp) -> None:
        smtp.verdict = "554 Looks like spam"

        send()

        assert Mail.objects.get().given_up_at
        assert Mail.objects.get().problem == "554 Looks like spam"

    def test_after_the_server_drops_the_connection(self, smtp: Smtp) -> None:
        smtp.drops = 1
        invited("eve@example.com")

        assert send() == 1
        assert send(minutes=2) == 1

        assert len(smtp.received) == 2

    def test_after_the_server_was_unreachable(self, smtp: Smtp, settings: Settings) -> None:
        settings.EMAIL_PORT, port = 1, settings.EMAIL_PORT
        invited("eve@example.com")

        assert send() == 0
        assert "refused" in Mail.objects.exclude(problem="").get().problem
        settings.EMAIL_PORT = port

        assert send(minutes=2) == 2

    def test_after_an_error_while_building_the_message(
        self, smtp: Smtp, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        eve = invited("eve@example.com")
        with monkeypatch.context() as broken:
            broken.setattr("people.mail.messages.invite_link", _fails_for(eve))
            assert send() == 1

        assert send(minutes=2) == 1

    def test_after_the_lease_if_the_sender_exits(
        self, smtp: Smtp, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as dying:
            dying.setattr("people.mail.sending.build_message", _dies)
            with pytest.raises(SystemExit):
                send()

        assert send() == 0
        assert send(seconds=LEASE.total_seconds() + 1) == 1

    def test_at_once_if_the_process_that_holds_it_is_dead(self, smtp: Smtp) -> None:
        invited("eve@example.com")
        machine, pid, started_at = holder().rsplit("/", 2)
        Mail.objects.update(
            held_by=f"{machine}/{pid}/{int(started_at) - 1}", due_at=timezone.now() + LEASE
        )

        assert send() == Mail.objects.count() > 0


def _fails_for(person: Person) -> Any:
    def link(invite: Any) -> str:
        if invite.person_id == person.pk:
            raise RuntimeError("Out of ink.")
        return "http://127.0.0.1/"

    return link


def _dies(_: Mail) -> Any:
    raise SystemExit


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("racers", [4], indirect=True)
def test_concurrent_senders_send_each_mail_once(owner: Person, smtp: Smtp, racers: Racers) -> None:
    for number in range(150):
        invited(f"bob{number}@example.com")

    assert sum(racers(*[send] * racers.number)) == 150

    assert len(smtp.received) == len(smtp.ids) == 150


def test_next_job_sends_mails_when_the_time_is_over(owner: Person, smtp: Smtp) -> None:
    invited()

    assert send_due(as_of=timezone.now(), seconds=0) == 0
    assert send() == 1


@pytest.mark.django_db(transaction=True)
def test_new_mail_wakes_the_sender_after_the_commit(
    owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[bool] = []
    monkeypatch.setattr("people.events.mail_waker.wake", lambda: woken.append(True))

    with transaction.atomic():
        invited()
        assert not woken

    assert woken
