"""Decides who may open which page. Operations check ranks (`people.operations.ranks`)."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.cache import never_cache

from people.models import Person

Visitor = Person | AnonymousUser
View = TypeVar("View", bound=Callable[..., HttpResponseBase])


class PersonRequest(HttpRequest):
    """A request of a signed-in person."""

    user: Person


def is_tenant_admin(visitor: Visitor) -> bool:
    """Tell whether the visitor administers the tenant in force; operators do not."""
    return isinstance(visitor, Person) and visitor.is_staff and not visitor.is_operator


def is_operator(visitor: Visitor) -> bool:
    """Tell whether the visitor runs the installation."""
    return isinstance(visitor, Person) and visitor.is_staff and visitor.is_operator


def administrator_required(view: View) -> View:
    """Require an administrator. Others are redirected to sign-in or home; operators get 403."""

    @wraps(view)
    # The back button must not show a page after the visitor has signed out.
    @never_cache
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if is_tenant_admin(request.user):
            return view(request, *args, **kwargs)
        if is_operator(request.user):
            # Operators may not see the data of a tenant, and signing in again would not help.
            raise PermissionDenied
        return redirect_to_login(request.get_full_path())

    return cast("View", checked)


def operator_required(view: View) -> View:
    """Require an operator. Administrators get 403; others are redirected to sign-in or home."""

    @wraps(view)
    @never_cache
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if is_operator(request.user):
            return view(request, *args, **kwargs)
        if is_tenant_admin(request.user):
            raise PermissionDenied
        return redirect_to_login(request.get_full_path())

    return cast("View", checked)
