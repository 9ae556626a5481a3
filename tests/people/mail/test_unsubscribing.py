"""The unsubscribe link of the email digest."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from people import tenancy
from people.mail import reset_links, signed_links
from people.mail.messages import build_message
from people.mail.sending import send_due
from people.models import AccountSettings, Event, Invite, Mail, Person, Tenant
from people.operations import digests, passwords
from people.operations.account_settings import change_account_settings
from people.operations.invites import lifecycle
from people.operations.people import deactivate_person
from people.values import Actor
from tests.clients.pages import signed_in, text_of
from tests.factories import core
from tests.services.postgres_redis_smtp import Smtp

pytestmark = pytest.mark.django_db

TESTS = Actor("command", "tests")
MONDAY = datetime(2026, 3, 9, 8, tzinfo=UTC)
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture(autouse=True)
def company(db: None) -> Iterator[Tenant]:
    company = core.tenant(slug="acme", name="Acme")
    with tenancy.use(company), time_machine.travel(MONDAY, tick=False):
        yield company


@pytest.fixture(autouse=True)
def owner(company: Tenant) -> Person:
    """An Owner who was sent a digest, because an invite has expired."""
    owner = core.owner(email="olga@acme.example")
    digests.send_due(as_of=MONDAY - timedelta(days=3))
    invite = lifecycle.issue_invite(core.person(state=Person.State.INVITED), actor=TESTS)
    Invite.objects.filter(pk=invite.pk).update(expires_at=MONDAY - timedelta(days=1))
    Mail.objects.all().delete()
    digests.send_due(as_of=MONDAY)
    return owner


@pytest.fixture
def link() -> str:
    """The path of the link in the List-Unsubscribe header."""
    message = build_message(Mail.objects.select_related("person__tenant").get())
    found = re.fullmatch(r"<https?://[^/]+(/unsubscribe/[^>]+)>", message_header(message))
    assert found
    return found[1]


def message_header(message: Any) -> str:
    return str(message.extra_headers["List-Unsubscribe"])


def email_program() -> Client:
    """Return a client without session; email programs send no CSRF tokens."""
    return Client(enforce_csrf_checks=True)


def choice_of(person: Person) -> str:
    settings = AccountSettings.objects.filter(person=person).first()
    return settings.digest if settings else ""


def test_one_click_ends_the_digest_without_sign_in(owner: Person, link: str) -> None:
    answer = email_program().post(link, ONE_CLICK)

    assert answer.status_code == 200
    assert "You get no more digests" in text_of(answer)
    assert choice_of(owner) == AccountSettings.Digest.NEVER
    assert digests.send_due(as_of=MONDAY + timedelta(days=7)) == 0


def test_link_is_in_the_headers_sent_by_smtp(smtp: Smtp, link: str) -> None:
    send_due(as_of=MONDAY)

    [message] = smtp.to("olga@acme.example")
    assert link in str(message["List-Unsubscribe"])
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_opening_the_link_changes_nothing(owner: Person, link: str) -> None:
    for request in (email_program().get, email_program().head):
        assert request(link).status_code == 200

    assert "End the email digest?" in text_of(email_program().get(link))
    assert choice_of(owner) == AccountSettings.Digest.WEEKLY


def test_timeline_shows_the_change_once(owner: Person, link: str) -> None:
    for _ in range(2):
        assert email_program().post(link, ONE_CLICK).status_code == 200

    [event] = Event.objects.filter(kind=Event.Kind.ACCOUNT_SETTINGS_CHANGED)
    assert (event.person, event.interface) == (owner, Event.Interface.PAGE)
    text = text_of(signed_in(core.administrator()).get(f"/people/{owner.pk}/"))
    assert "Olga Owner ended their email digest, by the link in the email" in text


def test_ends_the_digest_of_the_recipient_and_not_of_the_signed_in_person(
    owner: Person, link: str
) -> None:
    other = core.administrator()

    signed_in(other).post(link, ONE_CLICK)

    assert choice_of(owner) == AccountSettings.Digest.NEVER
    assert choice_of(other) != AccountSettings.Digest.NEVER


def test_link_does_not_sign_in(link: str) -> None:
    client = email_program()
    client.post(link, ONE_CLICK)

    assert client.get("/account/").status_code == 302


def test_token_of_the_link_opens_no_other_page(owner: Person, link: str) -> None:
    token = link.split("/")[2]

    for page in ("invite", "reset-password", "confirm-address", "setup"):
        assert email_program().get(f"/{page}/{token}/").status_code == 404


def test_token_of_another_page_is_refused(owner: Person) -> None:
    foreign = signed_links.sign(reset_links.PAGE, owner.pk)

    assert email_program().post(f"/unsubscribe/{foreign.split('/')[-2]}/").status_code == 404
    assert choice_of(owner) == AccountSettings.Digest.WEEKLY


@pytest.mark.parametrize("token", ["nonsense", "a.b", "00000000000000000000000000000000.x"])
def test_forged_token_is_refused(owner: Person, token: str) -> None:
    answer = email_program().post(f"/unsubscribe/{token}/", ONE_CLICK)

    assert answer.status_code == 404
    assert "This link does not work" in text_of(answer)
    assert choice_of(owner) == AccountSettings.Digest.WEEKLY


def test_link_of_a_deactivated_person_changes_nothing(link: str) -> None:
    administrator = core.administrator()
    path = signed_links.sign("unsubscribe", administrator.pk)
    deactivate_person(administrator, actor=TESTS)

    answer = email_program().post(path[path.index("/unsubscribe") :], ONE_CLICK)

    assert answer.status_code == 200
    assert choice_of(administrator) != AccountSettings.Digest.NEVER


def test_digest_can_be_chosen_again(owner: Person, link: str) -> None:
    email_program().post(link, ONE_CLICK)

    change_account_settings(owner, {"digest": "weekly"}, actor=owner.actor)

    assert digests.send_due(as_of=MONDAY + timedelta(days=7)) == 1


def test_security_mails_have_no_unsubscribe_header(owner: Person) -> None:
    passwords.change_password(owner, "correct horse battery staple", actor=owner.actor)

    [mail] = Mail.objects.filter(kind=Mail.Kind.SECURITY_NOTICE).select_related("person__tenant")
    headers = build_message(mail).extra_headers
    assert not [name for name in headers if name.startswith("List-")]
