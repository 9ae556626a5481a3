"""What is read of a request: JSON that can be understood in one way only."""

import codecs
import json
from typing import Any

from rest_framework import status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import JSONParser


class TooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = "Send less at once."
    default_code = "too-large"


class StrictJson(JSONParser):
    """Refuses what is nested too deeply to be understood, and what says something twice."""

    def parse(self, stream: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return json.load(
                codecs.getreader("utf-8")(stream),
                object_pairs_hook=_object,
                parse_constant=_no_number,
            )
        except RecursionError as error:
            raise ParseError("This JSON is nested too deeply.") from error
        except ValueError as error:
            raise ParseError(f"This is no JSON: {error}.") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    said = dict(pairs)
    if len(said) < len(pairs):
        raise ParseError("This JSON says something twice. Send each name once.")
    return said


def _no_number(text: str) -> None:
    raise ParseError(f"{text} is no number.")
