"""Reads the body of a SCIM request; refusals are SCIM errors."""

import json
import re
from typing import Any

from scim2_models import InvalidSyntaxException, PayloadTooLargeException

from people import strict_json
from people.strict_json import UnreadableJson

LARGEST_BODY = 1024 * 1024

Json = dict[str, Any]

_NUL = re.compile(rb"(?<!\\)(?:\\\\)*+\\u0000")


def read(body: bytes) -> Any:
    """Return the value that the body spells.

    :raises PayloadTooLargeException: if the body is larger than we read.
    :raises InvalidSyntaxException: if it is not JSON that means the same to everyone.
    """
    if len(body) > LARGEST_BODY:
        raise PayloadTooLargeException(detail="The body may hold at most 1 MiB.")
    try:
        value = strict_json.read(body)
    except UnreadableJson as error:
        raise _refused(str(error)) from error
    # The database stores no NUL, and any value of the body may be stored.
    if rb"\u0000" in body and _NUL.search(body):
        raise _refused("it contains the character U+0000")
    return value


def read_object(body: bytes) -> Json:
    """Return the JSON object that the body spells.

    :raises InvalidSyntaxException: if it is anything else; see `read` for the rest.
    """
    value = read(body)
    if not isinstance(value, dict):
        raise _refused("it must be a JSON object")
    return value


def read_leniently(body: bytes) -> Any:
    """Return what the body spells although `read` refuses it, or None if it is no JSON at all.

    Names that stand twice, characters that cannot be stored and the like are passed over, so
    the value is good for looking something up in it, and not for storing.
    """
    try:
        return json.loads(body.decode("utf-8-sig", "replace"), parse_int=float)
    except (ValueError, RecursionError):
        return None


def _refused(reason: str) -> InvalidSyntaxException:
    return InvalidSyntaxException(detail=f"The body cannot be read: {reason}.")
