"""Links by which people accept their invite."""

from uuid import UUID

from people.mail import signed_links
from people.models import Invite

PAGE = "invite"


def invite_link(invite: Invite) -> str:
    """Return the URL on which the invite is accepted. Anybody who knows it can accept."""
    return signed_links.sign(PAGE, invite.pk)


def invite_id_from(token: str) -> UUID:
    """Return the id of the invite from the token of a link.

    :raises ForgedLink: if the token was not signed by us.
    """
    return signed_links.unsign(PAGE, token)
