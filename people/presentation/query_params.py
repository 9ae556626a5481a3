"""Reads numbers from query parameters."""

from django.http import Http404, HttpRequest


def int_param(request: HttpRequest, name: str) -> int | None:
    """Return the query parameter as a number, or None if it is missing.

    :raises Http404: if it is not a number, or too large for a bigint.
    """
    value = request.GET.get(name)
    if value is None:
        return None
    # isdigit() alone would also accept superscripts, which int() refuses.
    if not (value.isascii() and value.isdigit() and len(value) < 19):
        raise Http404
    return int(value)
