"""Parses JSON request bodies and rejects ambiguous ones."""

import codecs
import json
from typing import Any

from rest_framework import status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import JSONParser


class TooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = "The request body is too large. Send less data."
    default_code = "too-large"


class StrictJson(JSONParser):
    """Rejects JSON with duplicate keys or too many levels of nesting."""

    def parse(self, stream: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return json.load(
                codecs.getreader("utf-8")(stream),
                object_pairs_hook=_object,
                parse_constant=_no_number,
            )
        except RecursionError as error:
            raise ParseError("The JSON is nested too deeply.") from error
        except ValueError as error:
            raise ParseError(f"Invalid JSON: {error}.") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise ParseError(f"Duplicate key in JSON object: {name}.")
        members[name] = value
    return members


def _no_number(text: str) -> None:
    raise ParseError(f"{text} is not a number.")
