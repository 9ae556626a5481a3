"""Who may see which page."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from people.models import Person

Visitor = Person | AnonymousUser
Rest = ParamSpec("Rest")


class PersonRequest(HttpRequest):
    """A request of somebody who is signed in."""

    user: Person  # type: ignore[assignment]


PersonView = Callable[Concatenate[PersonRequest, Rest], HttpResponse]


def administers(visitor: Visitor) -> bool:
    """Tell whether the visitor administers the tenant in force; operators do not."""
    return visitor.is_staff and not visitor.is_operator


def operates(visitor: Visitor) -> bool:
    """Tell whether the visitor runs the installation."""
    return visitor.is_staff and visitor.is_operator


def for_administrators(view: PersonView[Rest]) -> PersonView[Rest]:
    @wraps(view)
    def checked(request: PersonRequest, *args: Rest.args, **kwargs: Rest.kwargs) -> HttpResponse:
        if not administers(request.user):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return checked
