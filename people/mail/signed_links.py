"""Links in mails that work without sign-in: a row's id, signed with the secret key.

A row always has the same link, until the database is restored from a backup, which invalidates all
links. Links that were signed with SECRET_KEY_FALLBACKS stay valid.
"""

from uuid import UUID

from django.conf import settings
from django.core.signing import BadSignature, Signer

from people.models import Installation


class ForgedLink(Exception):
    """The link was not signed by us, or it was damaged."""


def sign(page: str, row_id: UUID) -> str:
    """Return the URL of the page for this row. The token is valid for this page only."""
    return f"{settings.PUBLIC_BASE_URL}/{page}/{_signer(page).sign(row_id.hex)}/"


def unsign(page: str, token: str) -> UUID:
    """Return the id of the row from the token in the page's URL.

    :raises ForgedLink: if the token was not signed by us for this page.
    """
    try:
        return UUID(hex=_signer(page).unsign(token))
    except (BadSignature, ValueError) as error:
        raise ForgedLink from error


def _signer(page: str) -> Signer:
    epoch = Installation.current().link_epoch
    # Links that were mailed before the first restore have no epoch.
    return Signer(sep=".", salt=f"people.links.{page}" + (f".{epoch}" if epoch else ""))
