"""Encrypts secrets that Ramp has to send or compute with: client secrets, webhook secrets.

Each is encrypted with a key derived from SECRET_KEY for one tenant and one field, so a secret that
is copied to another row cannot be decrypted. The keys in SECRET_KEY_FALLBACKS still decrypt older
secrets; `rotate_secrets` re-encrypts everything with the newest key.
"""

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class SecretLost(Exception):
    """The secret cannot be decrypted: its key is gone, or it belongs to another row."""

    message = "The saved secret cannot be decrypted with the current keys. Enter it again."

    def __init__(self) -> None:
        super().__init__(self.message)


def sealed(text: str, *, tenant_id: int, field: str) -> str:
    """Return the text, encrypted with the newest key for this tenant and field.

    It begins with the id of the key, to find secrets that need rotation.
    """
    newest = settings.SECRET_KEY
    token = Fernet(_derived(newest, tenant_id, field)).encrypt(text.encode()).decode()
    return f"{key_id(newest)}.{token}"


def opened(text: str, *, tenant_id: int, field: str) -> str:
    """Return the decrypted text.

    :raises SecretLost: if no key decrypts it for this tenant and field.
    """
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    ring = MultiFernet([Fernet(_derived(key, tenant_id, field)) for key in keys])
    try:
        return ring.decrypt(text.partition(".")[2].encode()).decode()
    except InvalidToken as error:
        raise SecretLost from error


def is_newest(text: str) -> bool:
    """Tell whether the text was encrypted with the newest key."""
    return text.partition(".")[0] == key_id(settings.SECRET_KEY)


def is_without_key(text: str) -> bool:
    """Tell whether none of the present keys encrypted the text. A blank text needs no key."""
    return bool(text) and text.partition(".")[0] not in key_ids()


def key_ids() -> set[str]:
    """Return the ids of the present keys."""
    return {key_id(key) for key in [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]}


def key_id(key: str) -> str:
    """Return an id for the key that does not reveal it."""
    return _hkdf(key, b"ramp secrets: id")[:4].hex()


def _derived(key: str, tenant_id: int, field: str) -> bytes:
    return base64.urlsafe_b64encode(_hkdf(key, f"ramp secrets: {tenant_id} {field}".encode()))


def _hkdf(key: str, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(key.encode())
