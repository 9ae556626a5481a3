"""Sending the mails that wait.

A process claims one mail, which moves its due date ahead; it sends the mail while no
transaction is open, and notes that. If the process dies on the way, the next look sees that,
and the mail is claimed again, with the same Message-ID. SMTP cannot do better: a mail that the
server accepted a moment before the death is offered a second time, and only the Message-ID
shows that it is the same.
"""

import logging
from datetime import datetime, timedelta
from smtplib import SMTPDataError, SMTPException, SMTPRecipientsRefused
from time import monotonic
from typing import Any
from uuid import UUID

from django.core.mail import get_connection
from django.db import transaction
from django.utils import timezone

from people import tenancy
from people.db import leases
from people.mail.messages import letter, obstacle
from people.models import Mail

log = logging.getLogger(__name__)

# Longer than a mail server may take for one mail, so that no other process sends it meanwhile.
LEASE = timedelta(minutes=3)
# After how long a mail is tried again; when these are over, a day has gone by.
PAUSES = [timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 240, 480, 600)]
RELATED = ("person__manager", "person__tenant__owner", "invite")


def send_due(*, as_of: datetime, seconds: float = float("inf")) -> int:
    """Send what is due by then, or by now, and return how many mails went out.

    Begins no other mail when the seconds are over, nor when the mail server is away.
    """
    ends_at = monotonic() + seconds
    sent = 0
    with tenancy.across_tenants(), _SmtpSession() as carrier:
        # Make due again the mails that processes of this machine held when they died.
        held = Mail.objects.waiting().exclude(held_by="").order_by()
        for holder in held.values_list("held_by", flat=True).distinct():
            if leases.is_dead(holder):
                released = Mail.objects.waiting().filter(held_by=holder)
                released.update(held_by="", due_at=timezone.now())
        while monotonic() < ends_at and carrier.is_there and (mail_id := _claim(as_of)):
            # Load the present state: it may have changed since the mail was enqueued.
            mail = Mail.objects.select_related(*RELATED).get(pk=mail_id)
            with tenancy.use(mail.tenant_id):
                sent += _try(carrier, mail, as_of=as_of)
    return sent


@transaction.atomic
def _claim(as_of: datetime) -> UUID | None:
    """Take the mail that is due longest; no other process takes it before the lease ends."""
    # Include mail up to now: the previous job may just have enqueued some.
    as_of = max(as_of, timezone.now())
    due = Mail.objects.due(as_of).select_for_update(skip_locked=True)
    mail_id: UUID | None = due.values_list("pk", flat=True).first()
    if mail_id:
        Mail.objects.filter(pk=mail_id).update(due_at=as_of + LEASE, held_by=leases.holder())
    return mail_id


class _SmtpSession:
    """One connection to the mail server, made when it is needed and made anew after trouble."""

    def __init__(self) -> None:
        self.backend: Any = None
        self.is_there = True

    def __enter__(self) -> "_SmtpSession":
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()

    def carry(self, mail: Mail) -> None:
        if self.backend is None:
            try:
                backend = get_connection()
                backend.open()
            except (OSError, SMTPException):
                self.is_there = False
                raise
            self.backend = backend
        if not self.backend.send_messages([letter(mail)]):
            raise SMTPException("No mail server accepted the email.")

    def hang_up(self) -> None:
        backend, self.backend = self.backend, None
        if backend is not None:
            backend.close()


def _try(carrier: _SmtpSession, mail: Mail, *, as_of: datetime) -> bool:
    """Send the mail, or note why not; tell whether it went out."""
    now = max(as_of, timezone.now())
    problem = obstacle(mail, now=now)
    if problem:
        _note(mail, given_up_at=now, problem=problem)
        return False
    mail.attempts += 1
    try:
        carrier.carry(mail)
    except Exception as error:
        carrier.hang_up()
        _note_failure(mail, error, now=now)
        return False
    _note(mail, attempts=mail.attempts, sent_at=timezone.now(), problem="")
    return True


def _note_failure(mail: Mail, error: Exception, *, now: datetime) -> None:
    if not isinstance(error, (OSError, SMTPException)):
        log.error("Mail %s could not be written", mail.pk, exc_info=error)
    is_final, said = _verdict(error)
    if is_final or mail.attempts > len(PAUSES):
        _note(mail, attempts=mail.attempts, given_up_at=now, problem=said)
    else:
        due_at = now + PAUSES[mail.attempts - 1]
        _note(mail, attempts=mail.attempts, due_at=due_at, problem=said)


def _verdict(error: Exception) -> tuple[bool, str]:
    """Tell whether the mail server means it for good, and what it said."""
    match error:
        case SMTPRecipientsRefused(recipients=recipients):
            code, said = next(iter(recipients.values()))
        case SMTPDataError(smtp_code=code, smtp_error=said):
            pass
        case _:
            return False, str(error) or type(error).__name__
    return code >= 500, f"{code} {_text(said)}"


def _text(said: bytes | str) -> str:
    return said.decode(errors="replace") if isinstance(said, bytes) else said


def _note(mail: Mail, **facts: Any) -> None:
    Mail.objects.filter(pk=mail.pk).update(held_by="", **facts)
