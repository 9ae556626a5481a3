"""Encrypts the token for a transmitter's stream management. It is sent to no other issuer."""

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


def seal_token(stream: TransmitterStream, token: str, *, issuer: str) -> None:
    """Put the token into the row, for this transmitter only."""
    stream.token = secrets.sealed(token, tenant_id=stream.tenant_id, field=FIELD) if token else ""
    stream.token_for = issuer


def token_of(stream: TransmitterStream) -> str:
    """Return the token; blank if none was entered.

    :raises TokenForElsewhere: if it was entered for another transmitter than the present one.
    :raises SecretLost: if no key decrypts it.
    """
    if not stream.token:
        return ""
    if stream.token_for != stream.issuer:
        raise TokenForElsewhere
    return secrets.opened(stream.token, tenant_id=stream.tenant_id, field=FIELD)
