"""Links by which people choose a new password.

A link is valid for an hour. The mail stores a digest of the person's password, address and
session epoch. Once one of these has changed, all earlier links are invalid.
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
    """Return the URL on which the receiver of the mail chooses a new password."""
    return signed_links.sign(PAGE, mail.pk)


def mail_id_from(token: str) -> UUID:
    """Return the id of the mail from the token of a link.

    :raises ForgedLink: if the token was not signed by us.
    """
    return signed_links.unsign(PAGE, token)


def is_current(mail: Mail, now: datetime) -> bool:
    """Tell whether the link of the mail is still valid."""
    person = mail.person
    in_time = mail.created_at <= now < mail.created_at + LIFE
    is_same = constant_time_compare(mail.facts["as_of"], credentials_digest(person))
    # Invited people choose their first password with the invite.
    return in_time and is_same and person.state == Person.State.ACTIVE


def credentials_digest(person: Person) -> str:
    """Return a digest of the password, the sessions and the address. A change of it ends links."""
    text = f"{person.pk} {person.password} {person.session_epoch} {person.email_key}"
    return salted_hmac("people.resets", text, algorithm="sha256").hexdigest()
