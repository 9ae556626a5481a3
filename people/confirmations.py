"""Where a new address is confirmed.

The mails of one request to confirm share a link; the next request makes it worthless.
"""

from uuid import UUID

from people import links
from people.models import Mail, Person
from people.values import fold

PAGE = "confirm-address"


def confirmation_link(mail: Mail) -> str:
    """Return the address where the receiver of the mail confirms that it reached them."""
    return links.sealed(PAGE, request_of(mail))


def request_named_by(token: str) -> UUID:
    """Return the first mail of the request that the token of a link stands for.

    :raises ForgedLink: if it is not one that we have made.
    """
    return links.unsealed(PAGE, token)


def request_of(mail: Mail) -> UUID:
    return UUID(mail.facts.get("request") or str(mail.pk))


def latest_request(person: Person) -> Mail | None:
    """Return the latest mail that asked them to confirm an address."""
    asking = Mail.objects.filter(person=person, kind=Mail.Kind.CONFIRM_ADDRESS)
    return asking.order_by("-created_at").first()


def is_current(mail: Mail) -> bool:
    """Tell whether what the mail asks to confirm is what still has to be."""
    person = mail.person
    if not person.pending_email or fold(person.pending_email) != fold(mail.to):
        return False
    latest = latest_request(person)
    return latest is not None and request_of(latest) == request_of(mail)
