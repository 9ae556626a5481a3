"""Where somebody chooses a new password, by a link that was mailed to them.

The link stands for the mail, and counts for an hour. The mail remembers what the person was
like when it was written: once their password, their address or their access has changed, the
link is worthless, and so is every other one.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.utils.crypto import constant_time_compare, salted_hmac

from people.mail import signed_links
from people.models import Mail, Person

PAGE: Final = "reset-password"
LIFE: Final = timedelta(hours=1)


def reset_link(mail: Mail) -> str:
    """Return the address where the receiver of the mail chooses a new password."""
    return signed_links.sign(PAGE, mail.pk)


def reset_named_by(token: str) -> UUID:
    """Return which mail the token of a link stands for.

    :raises ForgedLink: if it is not one that we have made.
    """
    return signed_links.unsign(PAGE, token)


def is_current(mail: Mail, now: datetime) -> bool:
    """Tell whether the link of the mail still counts."""
    person = mail.person
    in_time = mail.created_at <= now < mail.created_at + LIFE
    is_same = constant_time_compare(mail.facts["as_of"], as_they_are(person))
    return in_time and is_same and person.state == Person.State.ACTIVE


def as_they_are(person: Person) -> str:
    """Return a digest of what makes the links of before worthless when it changes."""
    said = f"{person.pk} {person.password} {person.session_epoch} {person.email_key}"
    return salted_hmac("people.resets", said, algorithm="sha256").hexdigest()
