"""Parses JSON request bodies and rejects ambiguous ones."""

from typing import Any

from rest_framework import status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import JSONParser

from people import strict_json
from people.strict_json import UnreadableJson


class TooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = "The request body is too large. Send less data."
    default_code = "too-large"


class StrictJson(JSONParser):
    """Reads JSON as the SCIM API does, and refuses what is ambiguous."""

    def parse(self, stream: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return strict_json.read(stream.read())
        except UnreadableJson as error:
            raise ParseError(f"The request body cannot be read: {error}.") from error
