"""Bounces of mails, recorded by the command `record_bounce`."""

import io
import json
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from people.mail.invite_links import invite_link
from people.mail.messages import build_message, message_id
from people.mail.sending import send_due
from people.models import Mail, Person
from people.operations.invites import acceptance, lifecycle
from people.values import Actor
from tests.factories import core

pytestmark = pytest.mark.django_db

OKTA = Actor("scim", "okta")
REPORT = """\
From: MAILER-DAEMON@mx.example.com (Mail Delivery System)
To: ramp@ramp.example.com
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="cut"
Message-Id: <20261122091117.4D2A1@mx.example.com>

--cut
Content-Type: text/plain; charset=us-ascii

This is the mail system at host mx.example.com. I'm sorry to have to inform you.

--cut
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.com
Arrival-Date: Sun, 22 Nov 2026 09:11:17 +0000

Final-Recipient: rfc822; bob@example.com
Action: {action}
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 <bob@example.com>: Recipient address
    rejected: User unknown

--cut
Content-Type: {returned}

{original}
--cut--
"""
DIAGNOSIS = "550 5.1.1 <bob@example.com>: Recipient address rejected: User unknown"


@pytest.fixture
def mail(owner: Person) -> Mail:
    """An invite that was sent."""
    bob = core.person(email="bob@example.com", state=Person.State.INVITED)
    lifecycle.issue_invite(bob, actor=OKTA)
    send_due(as_of=timezone.now())
    sent: Mail = Mail.objects.get()
    return sent


def report(mail: Mail, *, action: str = "failed", returned: str = "message/rfc822") -> bytes:
    original = build_message(mail).message().as_string()
    if returned != "message/rfc822":
        original = original.partition("\n\n")[0]
    return REPORT.format(action=action, returned=returned, original=original).encode()


def record(text: bytes, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
    output = io.StringIO()
    call_command("record_bounce", stdout=output)
    return json.loads(output.getvalue())


@pytest.mark.parametrize("returned", ["message/rfc822", "text/rfc822-headers"])
def test_permanent_failure_is_stored_with_the_mail(
    mail: Mail, monkeypatch: pytest.MonkeyPatch, returned: str
) -> None:
    result = record(report(mail, returned=returned), monkeypatch)

    assert result == {
        "recorded": True,
        "mail": str(mail.pk),
        "is_final": True,
        "problem": DIAGNOSIS,
    }
    mail.refresh_from_db()
    assert mail.problem == DIAGNOSIS
    assert mail.given_up_at
    assert mail.sent_at


def test_delay_does_not_give_up_the_mail(mail: Mail, monkeypatch: pytest.MonkeyPatch) -> None:
    result = record(report(mail, action="delayed"), monkeypatch)

    mail.refresh_from_db()
    assert (result["is_final"], mail.problem, mail.given_up_at) == (False, DIAGNOSIS, None)


def test_bounced_invite_can_be_accepted(mail: Mail, monkeypatch: pytest.MonkeyPatch) -> None:
    record(report(mail), monkeypatch)

    assert mail.invite
    acceptance.accept_invite(mail.invite, actor=OKTA, password="correct horse")

    assert Person.objects.get(pk=mail.person_id).state == Person.State.ACTIVE


def test_resending_a_bounced_invite_sends_a_new_mail(
    mail: Mail, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(report(mail), monkeypatch)

    lifecycle.resend_invite(mail.person, actor=OKTA)

    again = Mail.objects.latest("created_at")
    assert send_due(as_of=timezone.now()) == 1
    assert again.invite
    assert mail.invite
    assert invite_link(again.invite) == invite_link(mail.invite)
    assert message_id(again) != message_id(mail)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "This is not a delivery status notification."),
        (b"\xff\xfe\x00", "This is not a delivery status notification."),
        (b"Subject: On holiday\n\nBack on Monday.", "This is not a delivery status notification."),
        (
            REPORT.format(action="failed", returned="text/plain", original="").encode(),
            "It does not refer to an email from Ramp.",
        ),
        (
            REPORT.format(
                action="failed",
                returned="text/rfc822-headers",
                original="Message-ID: <0b0f3e5c-0000-4000-8000-000000000000@ramp.example.com>",
            ).encode(),
            "It does not refer to an email from Ramp.",
        ),
    ],
    ids=["empty", "not text", "out-of-office reply", "no Message-ID", "unknown Message-ID"],
)
def test_unrelated_message_is_refused_with_a_reason(
    mail: Mail, monkeypatch: pytest.MonkeyPatch, text: bytes, reason: str
) -> None:
    assert record(text, monkeypatch) == {"recorded": False, "reason": reason}

    assert Mail.objects.get().problem == ""


def test_stored_problem_has_at_most_1000_characters(
    mail: Mail, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = report(mail).replace(b"User unknown", b"User unknown " + b"and so on " * 500)

    assert len(record(text, monkeypatch)["problem"]) == 1000
