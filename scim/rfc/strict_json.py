"""Read the body of a SCIM request, with SCIM errors."""

import json
import re
from typing import Any

from scim2_models import InvalidSyntaxException, PayloadTooLargeException

from people import strict_json
from people.strict_json import UnreadableJson

MAX_BODY_SIZE = 1024 * 1024

Json = dict[str, Any]

_NUL = re.compile(rb"(?<!\\)(?:\\\\)*+\\u0000")


def read(body: bytes) -> Any:
    """Parse the body as JSON.

    :raises PayloadTooLargeException: if the body is larger than 1 MiB.
    :raises InvalidSyntaxException: if it is not valid JSON, has a duplicate name, or contains a
        character or number that not every parser reads alike.
    """
    if len(body) > MAX_BODY_SIZE:
        raise PayloadTooLargeException(detail="The body may hold at most 1 MiB.")
    try:
        value = strict_json.read(body)
    except UnreadableJson as error:
        raise _refused(str(error)) from error
    # PostgreSQL cannot store NUL, and any value of the body may be stored.
    if rb"\u0000" in body and _NUL.search(body):
        raise _refused("it contains the character U+0000")
    return value


def read_object(body: bytes) -> Json:
    """Parse the body as a JSON object.

    :raises PayloadTooLargeException: as `read`.
    :raises InvalidSyntaxException: as `read`, or if it is not an object.
    """
    value = read(body)
    if not isinstance(value, dict):
        raise _refused("it must be a JSON object")
    return value


def read_leniently(body: bytes) -> Any:
    """Parse the body even if `read` refuses it, or return None if it is not JSON at all.

    Duplicate names and characters that cannot be stored are accepted, so never store the result.
    """
    try:
        return json.loads(body.decode("utf-8-sig", "replace"), parse_int=float)
    except (ValueError, RecursionError):
        return None


def _refused(reason: str) -> InvalidSyntaxException:
    return InvalidSyntaxException(detail=f"The body cannot be read: {reason}.")
