"""Mail is a row of the change that causes it; people.mail sends it, as soon as that is kept."""

from typing import Any

from django.utils import timezone

from people import events, storing
from people.models import Invite, Mail, Person
from people.row_sql import made
from people.writes import Write


def post(
    kind: Mail.Kind, person: Person, *, to: str, invite: Invite | None = None, **facts: Any
) -> Mail:
    """Have a mail sent once the transaction commits; the facts go into its text.

    Whether it may still go is looked at again before it does, see `people.mail`.
    """
    now = timezone.now()
    mail = made(
        Mail,
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
    storing.write(Write(mail))
    storing.when_stored(events.mail_waker.wake)
    return mail
