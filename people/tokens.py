"""The format of bearer tokens: ramp_<kind>_ + 43 random characters + a checksum of 6.

The prefix lets secret scanners find leaked tokens. The checksum distinguishes a token from similar
text without a query. It is the CRC-32 of everything before it, in base62, as in GitHub's tokens.
"""

import hashlib
import re
import secrets
import string
import zlib
from typing import Final

ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
KINDS: Final = ("scim", "api")
# 43 characters of base62 hold 256 random bits.
RANDOM: Final = 43
CHECKSUM: Final = 6
# For secret scanners; docs/api.md publishes it.
PATTERN: Final = rf"ramp_({'|'.join(KINDS)})_[0-9A-Za-z]{{{RANDOM + CHECKSUM}}}"
_PREFIXES: Final = tuple(f"ramp_{kind}_" for kind in KINDS)
_WHOLE: Final = re.compile(PATTERN, re.ASCII)


def new_token(kind: str) -> str:
    """Return a new token of 256 random bits."""
    body = f"ramp_{kind}_{_base62(secrets.randbits(256), RANDOM)}"
    return body + _checksum(body)


def may_be_valid(token: str, kind: str) -> bool:
    """Tell whether the token can be valid, before it is looked up.

    Tokens that were created before this format have no prefix, so any text may be one of them.
    """
    if not token.startswith(_PREFIXES):
        return True
    is_whole = _WHOLE.fullmatch(token) is not None and token.startswith(f"ramp_{kind}_")
    return is_whole and token[-CHECKSUM:] == _checksum(token[:-CHECKSUM])


def token_digest(token: str) -> str:
    """Return the digest of a token, which is stored instead of the token."""
    # A fast hash is enough, because a random 256-bit token cannot be guessed.
    return hashlib.sha256(token.encode()).hexdigest()


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), CHECKSUM)


def _base62(number: int, length: int) -> str:
    digits = ""
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits = ALPHABET[digit] + digits
    return digits
