"""Links in mails that need no sign-in: a row's id, signed with the secret key.

The same row gives the same link at every attempt, and keys that were in use before still
count.
"""

from uuid import UUID

from django.conf import settings
from django.core.signing import BadSignature, Signer


class ForgedLink(Exception):
    """The link is none of ours, or was damaged on its way."""


def sign(page: str, row_id: UUID) -> str:
    """Return the address of the page for this row; its token is worth nothing elsewhere."""
    return f"{settings.PUBLIC_BASE_URL}/{page}/{_signer(page).sign(row_id.hex)}/"


def unsign(page: str, token: str) -> UUID:
    """Return which row the token in the page's address stands for.

    :raises ForgedLink: if we never made such a link to this page.
    """
    try:
        return UUID(hex=_signer(page).unsign(token))
    except (BadSignature, ValueError) as error:
        raise ForgedLink from error


def _signer(page: str) -> Signer:
    return Signer(sep=".", salt=f"people.links.{page}")
