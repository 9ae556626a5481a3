"""Numbers that an address carries."""

from django.http import Http404, HttpRequest


def int_param(request: HttpRequest, name: str) -> int | None:
    """Return the number that the address gives under the name, if it gives one.

    :raises Http404: if what it gives is none.
    """
    given = request.GET.get(name)
    if given is None:
        return None
    if not (given.isascii() and given.isdigit() and len(given) < 19):
        raise Http404
    return int(given)
