"""Links by which a colleague in IT sees the setup steps of a SCIM connection."""

from uuid import UUID

from people.mail import signed_links

PAGE = "setup"


def setup_link(link_id: UUID) -> str:
    """Return the URL of the setup steps. Anybody who knows it can create the token once."""
    return signed_links.sign(PAGE, link_id)


def setup_link_id_from(token: str) -> UUID:
    """Return the id of the link from the token in its URL.

    :raises ForgedLink: if the token was not signed by us.
    """
    return signed_links.unsign(PAGE, token)
