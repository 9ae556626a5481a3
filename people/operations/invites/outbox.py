"""Mail is a row of the change that causes it; `people.mail.sending` sends it afterwards."""

from typing import Any

from django.utils import timezone

from people import events
from people.db import unit_of_work
from people.models import Invite, Mail, Person


def enqueue_mail(
    kind: Mail.Kind, person: Person, *, to: str, invite: Invite | None = None, **facts: Any
) -> Mail:
    """Have a mail sent once the transaction commits; the facts go into its text.

    Whether it may still go is looked at again before it does, see `people.mail.sending`.
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
