"""Cursors of RFC 9865: which page comes next, encrypted so that clients cannot read or forge it."""

import base64
import json
import time
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from scim2_models import ExpiredCursorException, InvalidCountException, InvalidCursorException

LIFETIME_SECONDS = 3600


def encrypt_cursor(query: str, count: int, position: dict[str, int | None]) -> str:
    """Return the cursor of a page of this list, for clients that keep their `count`."""
    content = json.dumps({"query": query, "count": count, "position": position})
    return _keys().encrypt(content.encode()).decode()


def decrypt_cursor(cursor: str, query: str, count: int) -> dict[str, Any]:
    """Return the position that the cursor stands for (RFC 9865 sections 2.1 and 2.3).

    :raises InvalidCursorException: if it is not ours, or of another list.
    :raises InvalidCountException: if the client has changed its `count`.
    :raises ExpiredCursorException: if it is older than an hour.
    """
    keys = _keys()
    try:
        content: dict[str, Any] = json.loads(keys.decrypt(cursor.encode()))
    except InvalidToken:
        raise InvalidCursorException from None
    if content["query"] != query:
        raise InvalidCursorException
    if content["count"] != count:
        raise InvalidCountException
    if time.time() - keys.extract_timestamp(cursor.encode()) > LIFETIME_SECONDS:
        raise ExpiredCursorException
    position: dict[str, Any] = content["position"]
    return position


def _keys() -> MultiFernet:
    """Return the present key and earlier ones, which still decrypt cursors after a rotation."""
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    keys = []
    for secret in secrets:
        # It derives only one key.
        derivation = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"ramp scim cursors")
        keys.append(Fernet(base64.urlsafe_b64encode(derivation.derive(secret.encode()))))
    return MultiFernet(keys)
