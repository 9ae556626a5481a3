"""Query parameters: only known ones, each sent once and with a value."""

from collections.abc import Sequence
from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.serializers import Serializer

from people.api.pagination import PersonCursorPagination

EMPTY_VALUE = "Send a value, or omit the parameter."
PAGING = (PersonCursorPagination.cursor_query_param, PersonCursorPagination.page_size_query_param)


def known_parameters(filters: type[Serializer[Any]] | None, *, is_list: bool) -> Sequence[str]:
    names = set(filters().fields) if filters else set()
    return sorted(names | set(PAGING)) if is_list else sorted(names)


def check_parameters(request: Request, known: Sequence[str]) -> None:
    """Refuse parameters that would be ignored, because the response would be misleading.

    :raises ValidationError: if a parameter is unknown, empty, or sent twice.
    """
    wrong = {}
    for name, values in request.query_params.lists():
        if name not in known:
            hint = f"Known: {', '.join(known)}." if known else "This endpoint takes none."
            wrong[name] = f"Unknown query parameter. {hint}"
        elif len(values) > 1:
            wrong[name] = "Send this parameter only once."
        elif not values[0].strip():
            wrong[name] = EMPTY_VALUE
    if wrong:
        raise ValidationError(wrong)
