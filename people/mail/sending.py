"""Sends the mails of the outbox, and retries them for about a day.

A process claims one mail by moving its due date ahead, sends it outside of any transaction, and
records that it was sent. If the process dies in between, another process sends the mail again
with the same Message-ID. SMTP cannot guarantee more: if the server had already accepted the
mail, it is sent twice, and only the Message-ID shows that both are the same.
"""

import logging
from datetime import datetime, timedelta
from smtplib import SMTPDataError, SMTPException, SMTPRecipientsRefused
from time import monotonic
from typing import Any, Final
from uuid import UUID

import structlog
from django.core.mail import get_connection
from django.db import transaction
from django.utils import timezone
from prometheus_client import Counter

from people import tenancy
from people.db import leases
from people.mail.messages import build_message, reason_not_to_send
from people.models import Mail

log = logging.getLogger(__name__)
MAILS: Final = Counter("ramp_mails", "Attempts to send an email.", ["outcome"])

# Longer than sending one mail may take, so that no other process sends it meanwhile.
LEASE = timedelta(minutes=3)
# The pauses between attempts, about a day in total. After the last one, Ramp gives up.
PAUSES = [timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 240, 480, 600)]
RELATED = ("person__manager", "person__tenant__owner", "invite")


def send_due(*, as_of: datetime, seconds: float = float("inf")) -> int:
    """Send the mails that are due by `as_of` or now; return how many were sent.

    It starts no further mail after `seconds`, or if the mail server does not respond.
    """
    ends_at = monotonic() + seconds
    sent = 0
    with tenancy.across_tenants(), _SmtpSession() as smtp:
        # Release the mails whose process on this machine died while it sent them.
        held = Mail.objects.waiting().exclude(held_by="").order_by()
        for holder in held.values_list("held_by", flat=True).distinct():
            if leases.is_dead(holder):
                released = Mail.objects.waiting().filter(held_by=holder)
                released.update(held_by="", due_at=timezone.now())
        while monotonic() < ends_at and smtp.is_available and (mail_id := _claim(as_of)):
            # The person may have changed since the mail was enqueued.
            mail = Mail.objects.select_related(*RELATED).get(pk=mail_id)
            cause = structlog.contextvars.bound_contextvars(request_id=str(mail.request_id))
            with tenancy.use(mail.tenant_id), cause:
                sent += _try(smtp, mail, as_of=as_of)
    return sent


@transaction.atomic
def _claim(as_of: datetime) -> UUID | None:
    """Claim the mail that has been due for longest, until its lease ends."""
    # `as_of` may be the start of the run, and an earlier job of the run may have enqueued mail.
    as_of = max(as_of, timezone.now())
    due = Mail.objects.due(as_of).select_for_update(skip_locked=True)
    mail_id: UUID | None = due.values_list("pk", flat=True).first()
    if mail_id:
        Mail.objects.filter(pk=mail_id).update(due_at=as_of + LEASE, held_by=leases.holder())
    return mail_id


class _SmtpSession:
    """One connection to the mail server. It opens when needed, and again after an error."""

    def __init__(self) -> None:
        self.backend: Any = None
        self.is_available = True

    def __enter__(self) -> "_SmtpSession":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, mail: Mail) -> None:
        if self.backend is None:
            try:
                backend = get_connection()
                backend.open()
            except (OSError, SMTPException):
                # The other mails would fail in the same way, and each would use up one of its
                # attempts.
                self.is_available = False
                raise
            self.backend = backend
        if not self.backend.send_messages([build_message(mail)]):
            raise SMTPException("No mail server accepted the email.")

    def close(self) -> None:
        backend, self.backend = self.backend, None
        if backend is not None:
            backend.close()


def _try(smtp: _SmtpSession, mail: Mail, *, as_of: datetime) -> bool:
    """Send the mail, or record why not; return whether it was sent."""
    now = max(as_of, timezone.now())
    problem = reason_not_to_send(mail, now=now)
    if problem:
        _update(mail, given_up_at=now, problem=problem)
        MAILS.labels("withheld").inc()
        return False
    mail.attempts += 1
    try:
        smtp.send(mail)
    except Exception as error:
        # One mail that fails must not stop the others. The next one needs a new connection, because
        # the state of this one is unknown.
        smtp.close()
        _record_failure(mail, error, now=now)
        return False
    _update(mail, attempts=mail.attempts, sent_at=timezone.now(), problem="")
    MAILS.labels("sent").inc()
    return True


def _record_failure(mail: Mail, error: Exception, *, now: datetime) -> None:
    if not isinstance(error, (OSError, SMTPException)):
        log.error("Mail %s could not be built", mail.pk, exc_info=error)
    is_final, reply = _smtp_reply(error)
    if is_final or mail.attempts > len(PAUSES):
        _update(mail, attempts=mail.attempts, given_up_at=now, problem=reply)
        MAILS.labels("given_up").inc()
    else:
        due_at = now + PAUSES[mail.attempts - 1]
        _update(mail, attempts=mail.attempts, due_at=due_at, problem=reply)
        MAILS.labels("retried").inc()


def _smtp_reply(error: Exception) -> tuple[bool, str]:
    """Return whether the refusal is permanent, and the server's reply."""
    match error:
        case SMTPRecipientsRefused(recipients=recipients):
            # Our mails have exactly one recipient.
            code, reply = next(iter(recipients.values()))
        case SMTPDataError(smtp_code=code, smtp_error=reply):
            pass
        case _:
            return False, str(error) or type(error).__name__
    # RFC 5321: 5yz is permanent, 4yz may succeed later.
    return code >= 500, f"{code} {_text(reply)}"


def _text(reply: bytes | str) -> str:
    return reply.decode(errors="replace") if isinstance(reply, bytes) else reply


def _update(mail: Mail, **facts: Any) -> None:
    Mail.objects.filter(pk=mail.pk).update(held_by="", **facts)
