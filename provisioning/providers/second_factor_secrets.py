"""Encrypts the secrets of authenticator apps, each for its person."""

from people import secrets
from people.models import Person


def sealed(person: Person, secret: str) -> str:
    """Return the secret, encrypted for this person."""
    return secrets.sealed(secret, tenant_id=person.tenant_id, field=_field(person))


def opened(person: Person, text: str) -> str:
    """Return the decrypted secret.

    :raises SecretLost: if no key decrypts it for this person.
    """
    return secrets.opened(text, tenant_id=person.tenant_id, field=_field(person))


def _field(person: Person) -> str:
    return f"second factor {person.pk}"
