"""The mail outbox: a row for each mail, stored in the transaction of the change that causes it.

`people.mail.sending` sends the mails afterwards.
"""

from typing import Any

from django.utils import timezone

from people import events
from people.db import unit_of_work
from people.models import Invite, Mail, Person


def enqueue_mail(
    kind: Mail.Kind, person: Person, *, to: str, invite: Invite | None = None, **facts: Any
) -> Mail:
    """Send a mail after the transaction commits. The facts are the context of its templates.

    `people.mail.messages.reason_not_to_send` may still stop it, for example if the person was
    deactivated meanwhile.
    """
    now = timezone.now()
    mail: Mail = Mail.objects.create(
        tenant_id=person.tenant_id,
        kind=kind,
        person=person,
        to=to,
        invite=invite,
        facts=facts,
        request_id=events.current_cause(),
        created_at=now,
        due_at=now,
    )
    unit_of_work.on_stored(events.mail_waker.wake)
    return mail
