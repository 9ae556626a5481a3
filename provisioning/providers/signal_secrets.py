"""Encrypts the token or client secret for a transmitter. It is sent to no other server."""

from typing import Final

from people import secrets
from people.secrets import SecretLost
from provisioning.models import TransmitterStream

FIELD: Final = "signal-stream"


class TokenForElsewhere(SecretLost):
    """The token was entered for another transmitter."""

    message = (
        "The transmitter has changed since the access token was entered, so the token was not "
        "sent. Enter it again."
    )


def servers_of(issuer: str, token_url: str) -> str:
    """Return the servers that may see a token or secret, as the row keeps them."""
    return f"{issuer} {token_url}".strip()


def seal_token(stream: TransmitterStream, token: str) -> None:
    """Put the token or secret into the row, for the servers of the row only."""
    stream.token = secrets.sealed(token, tenant_id=stream.tenant_id, field=FIELD) if token else ""
    stream.token_for = servers_of(stream.issuer, stream.token_url)


def token_of(stream: TransmitterStream) -> str:
    """Return the token, or the secret of the client; blank if none was entered.

    :raises TokenForElsewhere: if it was entered for another server than the present one.
    :raises SecretLost: if no key decrypts it.
    """
    if not stream.token:
        return ""
    if stream.token_for != servers_of(stream.issuer, stream.token_url):
        raise TokenForElsewhere
    return secrets.opened(stream.token, tenant_id=stream.tenant_id, field=FIELD)
