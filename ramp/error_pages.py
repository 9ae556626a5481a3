"""Error pages.

The pages of errors 500 and 503 need neither the database nor the session. The others show the
navigation to people who may use it.
"""

import logging
import sys
from typing import Any, Final
from urllib.parse import urlsplit

from django.contrib import admin
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import requires_csrf_token
from django.views.defaults import server_error

RETRY_AFTER_SECONDS: Final = 5
UNAVAILABLE: Final = "Ramp is temporarily unavailable. Nothing was changed. Try again."
CSRF_FIELD: Final = "csrfmiddlewaretoken"
# Fields with these parts in their names are never written into a page.
SECRET: Final = ("password", "again", "current", "secret", "token", "keytab", "code")

log = logging.getLogger(__name__)


def failed(request: HttpRequest) -> HttpResponse:
    """Answer 503 while the database is unavailable, and 500 to every other error."""
    error = sys.exc_info()[1]
    if not isinstance(error, OperationalError | InterfaceError):
        return server_error(request)
    log.error("The database did not answer: %s", error)
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS), "Cache-Control": "no-store"}
    if request.path.startswith("/api/"):
        body = {"code": "unavailable", "message": UNAVAILABLE}
        return JsonResponse(body, status=503, headers=headers)
    # Without the request: the context processors would query the database for the user.
    response = render(None, "503.html", status=503)
    for name, value in headers.items():
        response[name] = value
    return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _inside(request, "400.html", 400, title="Bad request")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 403, with the sentence of the exception if it has one."""
    reason = str(exception)
    title = "You are not allowed to do this" if reason else "You do not have access to this page"
    return _inside(request, "403.html", 403, title=title, exception=reason)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _inside(request, "404.html", 404, title="Page not found")


@requires_csrf_token
def forged(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form whose CSRF check failed, and offer to send the entered values again.

    This is only offered for forms of our own pages, which become invalid when the visitor signs in
    again in another tab. Values that another site sends are not shown.
    """
    source = request.headers.get("Origin") or request.headers.get("Referer") or ""
    parts = urlsplit(source)
    is_ours = (parts.scheme, parts.netloc) == (request.scheme, request.get_host())
    entered = [(name, values) for name, values in request.POST.lists() if name != CSRF_FIELD]
    fields = [
        (name, value)
        for name, values in entered
        if is_ours and not _is_secret(name)
        for value in values
    ]
    context = {
        "title": "This page is out of date" if is_ours else "Request blocked",
        "is_ours": is_ours,
        "fields": fields,
        "action": request.get_full_path(),
        "is_incomplete": bool(request.FILES) or any(_is_secret(name) for name, _ in entered),
    }
    log.warning("The CSRF check of %s failed: %s", request.path, reason)
    return _inside(request, "403_csrf.html", 403, **context)


def _inside(request: HttpRequest, template: str, status: int, **context: Any) -> HttpResponse:
    """Render an error page, inside the admin site if the visitor may see its navigation."""
    user = getattr(request, "user", None)
    if user and user.is_authenticated and admin.site.has_permission(request):
        frame = admin.site.each_context(request) | {"frame": "error_with_navigation.html"}
        return render(request, template, frame | context, status=status)
    return render(request, template, context, status=status)


def _is_secret(name: str) -> bool:
    return any(part in name.lower() for part in SECRET)
