"""Links by which an administrator ends their own email digest, without sign-in.

The link names the person and not the mail, because the rows of earlier digests are deleted. It does
not expire. Anyone who has the mail can end the digest, but can do nothing else with the link.
"""

from uuid import UUID

from people.mail import signed_links
from people.models import Person

PAGE = "unsubscribe"


def unsubscribe_link(person: Person) -> str:
    """Return the URL of the page that ends the digest of the person."""
    return signed_links.sign(PAGE, person.pk)


def person_id_from(token: str) -> UUID:
    """Return the id of the person from the token of a link.

    :raises ForgedLink: if the token was not signed by us.
    """
    return signed_links.unsign(PAGE, token)
