"""Where a new address is confirmed.

The mails of one request to the new address share a link; the next request makes it worthless.
For somebody of elevated rank the old address is asked too, or an Owner agrees instead of it.
"""

from enum import StrEnum
from uuid import UUID

from people.mail import signed_links
from people.models import Event, Mail, Person
from people.values import normalize_key

PAGE = "confirm-address"


class By(StrEnum):
    """Who has agreed to a new address."""

    NEW = "new"
    OLD = "old"
    OWNER = "owner"


def confirmation_link(mail: Mail) -> str:
    """Return the address where the receiver of the mail agrees to the new address."""
    is_old = mail.kind == Mail.Kind.APPROVE_ADDRESS
    return signed_links.sign(PAGE, mail.pk if is_old else request_of(mail))


def request_named_by(token: str) -> UUID:
    """Return the mail that the token of a link stands for.

    :raises ForgedLink: if it is not one that we have made.
    """
    return signed_links.unsign(PAGE, token)


def request_of(mail: Mail) -> UUID:
    """Return the first mail of the request, which the other mails of the request name."""
    return UUID(mail.facts.get("request") or str(mail.pk))


def latest_request(person: Person) -> Mail | None:
    """Return the latest mail that asked them to confirm an address."""
    asking = Mail.objects.filter(person=person, kind=Mail.Kind.CONFIRM_ADDRESS)
    return asking.order_by("-created_at").first()


def is_current(mail: Mail) -> bool:
    """Tell whether what the mail asks to confirm is what still has to be."""
    person = mail.person
    is_old = mail.kind == Mail.Kind.APPROVE_ADDRESS
    address = mail.facts["address"] if is_old else mail.to
    if not person.pending_email or normalize_key(person.pending_email) != normalize_key(address):
        return False
    if is_old and normalize_key(mail.to) != person.email_key:
        return False
    latest = latest_request(person)
    return latest is not None and request_of(latest) == request_of(mail)


def agreed(person: Person) -> set[str]:
    """Return who has agreed to the address that waits to be confirmed now."""
    latest = latest_request(person)
    if latest is None or not is_current(latest):
        return set()
    given = Event.objects.filter(
        person=person,
        kind=Event.Kind.ADDRESS_APPROVED,
        facts__request=str(request_of(latest)),
    )
    return set(given.values_list("facts__by", flat=True))
