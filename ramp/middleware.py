"""The middleware between the web server and the views."""

import re
from collections.abc import Callable
from contextlib import suppress
from typing import ClassVar, cast
from uuid import uuid4

import structlog
from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, QueryDict, UnreadablePostError
from django.urls import resolve
from django.utils import timezone
from django.utils.module_loading import import_string

from people import client_address, events, tenancy
from people.models import Event
from people.session_backend import HAS_SECOND_FACTOR
from people.views.session_limits import WHY_ENDED, why_ended
from people.views.session_notes import note_use
from people.views.time_zones import viewer_zone

Respond = Callable[[HttpRequest], HttpResponse]


class ScimMiddleware:
    """Passes requests below /scim to SCIM, which needs no sessions and only accepts tokens."""

    def __init__(self, respond: Respond) -> None:
        self.respond = respond
        self.serve: Respond = import_string("scim.api.dispatch.serve")
        self.serve_elsewhere: Respond = import_string("scim.api.dispatch.serve_elsewhere")

    def __call__(self, request: HttpRequest) -> HttpResponse:
        path = f"{request.path_info}/"
        if path.startswith("/scim/v2/"):
            return self.serve(request)
        if path.startswith("/scim/"):
            return self.serve_elsewhere(request)
        return self.respond(request)


class ProxyRequestIdMiddleware:
    """Adds the request id of the proxy to the log lines of the request.

    Events and responses have Ramp's own id, because a client may choose the id that a proxy passes
    on.
    """

    VALID: ClassVar = re.compile(r"[\w.-]{1,64}", re.ASCII)

    def __init__(self, respond: Respond) -> None:
        self.respond = respond

    def __call__(self, request: HttpRequest) -> HttpResponse:
        proxy_id = request.META.get("HTTP_X_REQUEST_ID", "")
        if not settings.BEHIND_PROXY or not self.VALID.fullmatch(proxy_id):
            return self.respond(request)
        with structlog.contextvars.bound_contextvars(proxy_request_id=proxy_id):
            return self.respond(request)


class UnreadBodyMiddleware:
    """Reads the rest of a body that nothing has read: of a GET, or of a refused request.

    The web server closes a connection with an unread body without announcing it in the response, so
    the client's next request on the connection would fail. A body above the limit is not read; then
    the response has `Connection: close` (RFC 9112 section 9.6).
    """

    MAX_BODY_SIZE = 4 * 1024 * 1024
    PIECE = 64 * 1024

    def __init__(self, respond: Respond) -> None:
        self.respond = respond

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.respond(request)
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not length.isdigit() or int(length) > self.MAX_BODY_SIZE:
            response["Connection"] = "close"
        elif length != "0":
            with suppress(UnreadablePostError):  # the client is gone
                while request.read(self.PIECE):
                    pass
        return response


class RequestIdMiddleware:
    """Gives the request an id, which appears in its log lines, its events and its response."""

    def __init__(self, respond: Respond) -> None:
        self.respond = respond

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = uuid4()
        # Django logs refused requests after this middleware, see ramp.logs.
        request.request_id = request_id  # type: ignore[attr-defined]
        bound = structlog.contextvars.bound_contextvars(request_id=str(request_id))
        client = client_address.remembered(request.META)
        is_api = request.path_info.startswith("/api/")
        interface = Event.Interface.API if is_api else Event.Interface.PAGE
        with bound, client:
            ip = client_address.current_client_address()
            with events.caused_by(request_id, interface, ip):
                response = self.respond(request)
        response["X-Request-Id"] = str(request_id)
        return response


class ProbeMiddleware:
    """Answers probes and scrapes, over plain HTTP and to any host name.

    A load balancer or Prometheus requests a machine by its address, which is no name of Ramp's.
    """

    PROBES: ClassVar = ("/healthz", "/readyz", "/metrics")

    def __init__(self, respond: Respond) -> None:
        self.respond = respond

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info not in self.PROBES:
            return self.respond(request)
        return cast("HttpResponse", resolve(request.path_info).func(request))


class ReadableTextMiddleware:
    """Replaces NUL in query strings, because PostgreSQL refuses it in text.

    Lists and autocompletes use query parameters unchecked. Forms refuse NUL themselves.
    """

    def __init__(self, respond: Respond) -> None:
        self.respond = respond

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "%00" in request.META.get("QUERY_STRING", ""):
            readable = QueryDict(mutable=True)
            for name, values in request.GET.lists():
                texts = [str(one).replace("\0", "�") for one in values]
                readable.setlist(name.replace("\0", "�"), texts)
            readable._mutable = False  # noqa: SLF001
            request.GET = readable  # type: ignore[assignment]
        return self.respond(request)


class SecurityHeadersMiddleware:
    """Sets the headers that limit what a page may load and do, and who may keep a copy of it.

    No template contains an inline script or style element, so the policy allows none and needs
    no nonces. Alpine, which unfold's pages are built on, compiles the expressions in its
    attributes: that is what `unsafe-eval` is for, and `unsafe-inline` for style attributes.
    `form-action` includes other hosts because signing out leads to the identity provider.
    """

    def __init__(self, respond: Respond) -> None:
        self.respond = respond

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.respond(request)
        for name, value in settings.PROTECTIVE_HEADERS.items():
            response.setdefault(name, value)
        return response


class TenantMiddleware:
    """Puts the tenant of the signed-in person in force. Without a person, no tenant is in force.

    It ends a session that lacks the second factor that the company requires, or has reached one of
    its limits.
    """

    def __init__(self, respond: Respond) -> None:
        self.respond = respond

    def __call__(self, request: HttpRequest) -> HttpResponse:
        person = request.user
        if not person.is_authenticated:
            return self.respond(request)
        if person.needs_second_factor and not request.session.get(HAS_SECOND_FACTOR):
            # The company began to require it, or the person became an administrator.
            logout(request)
            return redirect_to_login(request.get_full_path())
        if why := why_ended(request):
            logout(request)
            request.session[WHY_ENDED] = why
            return redirect_to_login(request.get_full_path())
        with tenancy.use(person.tenant_id):
            note_use(request, person)
            return self.respond(request)


class TimeZoneMiddleware:
    """Has pages show times in the zone of the viewer.

    The API and the exports, which are streamed after this has ended, keep to UTC.
    """

    def __init__(self, respond: Respond) -> None:
        self.respond = respond

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info.startswith("/api/"):
            return self.respond(request)
        with timezone.override(viewer_zone(request)):
            return self.respond(request)
