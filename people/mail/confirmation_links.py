"""Links by which the holder of a new email address confirms it.

All mails of one request share a link; the next request invalidates it. For a person of elevated
rank, the old address has to approve the change too, or an Owner approves it instead.
"""

from enum import StrEnum
from uuid import UUID

from people.mail import signed_links
from people.models import Event, Mail, Person
from people.values import normalize_key

PAGE = "confirm-address"


class By(StrEnum):
    """Who has approved a new address."""

    NEW = "new"
    OLD = "old"
    OWNER = "owner"


def confirmation_link(mail: Mail) -> str:
    """Return the URL of the page on which the receiver of the mail approves the new address."""
    is_old = mail.kind == Mail.Kind.APPROVE_ADDRESS
    return signed_links.sign(PAGE, mail.pk if is_old else request_of(mail))


def request_id_from(token: str) -> UUID:
    """Return the id of the mail from the token of a link.

    :raises ForgedLink: if the token was not signed by us.
    """
    return signed_links.unsign(PAGE, token)


def request_of(mail: Mail) -> UUID:
    """Return the id of the first mail of the request, which identifies the request."""
    return UUID(mail.facts.get("request") or str(mail.pk))


def latest_request(person: Person) -> Mail | None:
    """Return the latest mail that asked the person to confirm an address."""
    mails = Mail.objects.filter(person=person, kind=Mail.Kind.CONFIRM_ADDRESS)
    return mails.order_by("-created_at").first()


def is_current(mail: Mail) -> bool:
    """Tell whether the address in the mail is still the one to confirm."""
    person = mail.person
    is_old = mail.kind == Mail.Kind.APPROVE_ADDRESS
    # A mail to the old address has the new one in its facts.
    address = mail.facts["address"] if is_old else mail.to
    if not person.pending_email or normalize_key(person.pending_email) != normalize_key(address):
        return False
    # The old address has been replaced since the mail was sent.
    if is_old and normalize_key(mail.to) != person.email_key:
        return False
    latest = latest_request(person)
    return latest is not None and request_of(latest) == request_of(mail)


def approvals_of(person: Person) -> set[str]:
    """Return who has approved the pending address (values of `By`)."""
    latest = latest_request(person)
    if latest is None or not is_current(latest):
        return set()
    approvals = Event.objects.filter(
        person=person,
        kind=Event.Kind.ADDRESS_APPROVED,
        facts__request=str(request_of(latest)),
    )
    return set(approvals.values_list("facts__by", flat=True))
