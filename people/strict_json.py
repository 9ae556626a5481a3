"""Reads JSON that the SCIM API and the REST API receive.

Reading any body takes milliseconds and ends in a value or an error. The limits are checked before
the parser runs, in time linear in the size of the body.
"""

import json
import math
from collections import Counter
from typing import Any

MAX_DEPTH = 32
# The largest legitimate body is a group of 20,000 members, which is within all of these limits.
MAX_CONTAINERS = 30_000
MAX_COMMAS = 50_000
MAX_QUOTES = 150_000
MAX_ESCAPES = 100_000
MAX_NUMBER_LENGTH = 32

_SQUARE = bytes.maketrans(b"{}", b"[]")
_TOO_MUCH = "it holds too many values"
_NOT_BRACKETS = bytes(set(range(256)) - set(b"{}[]"))


class UnreadableJson(ValueError):
    """A body is not JSON, or is JSON that readers may understand differently.

    Its message is the reason, such as "it is empty".
    """


def read(body: bytes) -> Any:
    """Return the value of the JSON body.

    :raises UnreadableJson: if it is not JSON, or JSON that parsers interpret differently
        (duplicate names, NaN, lone surrogates, huge numbers).
    """
    _check_shape(body)
    try:
        # RFC 8259 section 8.1 lets a reader ignore a byte order mark.
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableJson("it is not UTF-8 text") from error
    if not text.strip():
        raise UnreadableJson("it is empty")
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise UnreadableJson(
            f"it is not valid JSON at line {error.lineno}, column {error.colno}: {error.msg}"
        ) from error
    # Encoding a large body again takes long, and only escapes can produce half of a pair.
    if "\\ud" in text or "\\uD" in text:
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise UnreadableJson("it contains half of a surrogate pair") from error
    return value


def _check_shape(body: bytes) -> None:
    containers = body.count(b"{") + body.count(b"[")
    # So few brackets cannot nest too deeply, and so few bytes cannot hold too many values. Nearly
    # every body ends the check here.
    if containers <= MAX_DEPTH and len(body) <= MAX_COMMAS:
        return
    quotes = body.replace(rb"\\", b"").replace(rb"\"", b"")
    if quotes.count(b'"') > MAX_QUOTES or body.count(rb"\u") > MAX_ESCAPES:
        raise UnreadableJson(_TOO_MUCH)
    # Brackets and commas in strings do not count.
    structure = b"".join(quotes.split(b'"')[::2])
    containers = structure.count(b"{") + structure.count(b"[")
    if containers > MAX_CONTAINERS or structure.count(b",") > MAX_COMMAS:
        raise UnreadableJson(_TOO_MUCH)
    if containers <= MAX_DEPTH:
        return
    # Each round removes the innermost pairs of brackets. Mismatched ones remain for the parser to
    # reject, unless there are so many that its recursion would be too deep.
    brackets = structure.translate(_SQUARE, _NOT_BRACKETS)
    for _ in range(MAX_DEPTH):
        closed = brackets.replace(b"[]", b"")
        if len(closed) == len(brackets):
            break
        brackets = closed
    if b"[]" in brackets or brackets.count(b"[") > MAX_DEPTH:
        raise UnreadableJson(f"it is nested more than {MAX_DEPTH} levels deep")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        [(twice, _), *_] = Counter(name for name, _ in pairs).most_common(1)
        raise UnreadableJson(f"duplicate key “{twice[:100]}” in one object")
    return members


def _integer(digits: str) -> int:
    if len(digits) > MAX_NUMBER_LENGTH:
        raise UnreadableJson("it contains a number that is too large")
    return int(digits)


def _decimal(digits: str) -> float:
    # float() makes infinity of 1e999, which JSON cannot express.
    number = float(digits) if len(digits) <= MAX_NUMBER_LENGTH else math.inf
    if math.isinf(number):
        raise UnreadableJson("it contains a number that is too large")
    return number


def _constant(name: str) -> Any:
    raise UnreadableJson(f"{name} is not a JSON value")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_float=_decimal,
    parse_constant=_constant,
)
