"""Where an invite is accepted."""

from uuid import UUID

from people.mail import signed_links
from people.models import Invite

PAGE = "invite"


def invite_link(invite: Invite) -> str:
    """Return the address where the invited accept; whoever knows it can, so show it to few."""
    return signed_links.sign(PAGE, invite.pk)


def invite_named_by(token: str) -> UUID:
    """Return which invite the token of a link stands for.

    :raises ForgedLink: if it is not one that we have made.
    """
    return signed_links.unsign(PAGE, token)
