"""The mail outbox: a row for each mail, stored in the transaction of the change that causes it.

`people.mail.sending` sends the mails afterwards, and retries them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils import timezone

from people import events
from people.client_address import current_client_address
from people.db import unit_of_work
from people.models import Invite, Mail, Person
from people.values import Actor

# Why mails are withheld at the moment; blank if they are sent.
_withheld_because: ContextVar[str] = ContextVar("withheld_because", default="")


@contextmanager
def withhold_mail(reason: str) -> Iterator[None]:
    """Send none of the mails that the block enqueues, if there is a reason; their rows name it."""
    token = _withheld_because.set(reason)
    try:
        yield
    finally:
        _withheld_because.reset(token)


def notify_of_security(
    person: Person, *, actor: Actor, title: str, deed: str, effect: str = ""
) -> None:
    """Tell the person by mail who changed how they sign in, and when.

    :param title: what happened, as the subject, such as “Your password was changed”.
    :param deed: the predicate of the sentence about the actor, such as “changed your password”.
    """
    if person.email:
        enqueue_mail(
            Mail.Kind.SECURITY_NOTICE,
            person,
            to=person.email,
            actor=str(actor),
            ip=current_client_address() if actor == person.actor else None,
            title=title,
            deed=deed,
            effect=effect,
            path=reverse("admin:account"),
        )


def enqueue_mail(
    kind: Mail.Kind,
    person: Person,
    *,
    to: str,
    invite: Invite | None = None,
    due_at: datetime | None = None,
    **facts: Any,
) -> Mail:
    """Send a mail after the transaction commits, or at `due_at` if that is later.

    The facts are the context of the templates. `people.mail.messages.reason_not_to_send` may still
    stop the mail, for example if the person was deactivated meanwhile.
    """
    now, withheld_because = timezone.now(), _withheld_because.get()
    mail: Mail = Mail.objects.create(
        tenant_id=person.tenant_id,
        kind=kind,
        person=person,
        to=to,
        invite=invite,
        facts=facts,
        request_id=events.current_cause(),
        created_at=now,
        due_at=max(due_at or now, now),
        given_up_at=now if withheld_because else None,
        problem=withheld_because,
    )
    if not withheld_because:
        unit_of_work.on_stored(events.mail_waker.wake)
    return mail
