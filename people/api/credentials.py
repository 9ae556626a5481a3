"""Who is at the door: the token, whom it stands for, and how often it may ask."""

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpRequest
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from people import tenancy
from people.models import ApiToken, Person
from people.operations import api_digest
from people.pages.access import administers

if TYPE_CHECKING:
    from rest_framework.views import APIView


def token_of(request: HttpRequest) -> ApiToken | None:
    """Return the token that the request bears, if it opens the API now."""
    scheme, _, said = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "bearer" or not said.strip():
        return None
    with tenancy.across_tenants():
        alive = ApiToken.objects.alive().select_related("person__tenant")
        token: ApiToken | None = alive.filter(digest=api_digest(said.strip())).first()
    return token


class BearerToken(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[Person, ApiToken]:
        token: ApiToken | None = getattr(request, "api_token", None)
        if token is None:
            raise exceptions.AuthenticationFailed(
                "Send a token that is good, as “Authorization: Bearer …”. "
                "Administrators make them in Ramp."
            )
        return token.person, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="Ramp API"'


class BearerTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = BearerToken
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}


class IsAdministrator(BasePermission):
    message = "The person who made this token is no longer an administrator."

    def has_permission(self, request: Request, view: "APIView") -> bool:
        return administers(request.user)


class ByToken(SimpleRateThrottle):
    """Counts by token, in one web process."""

    scope = "token"

    def get_rate(self) -> str | None:
        number = settings.API_REQUESTS_PER_MINUTE
        return f"{number}/min" if number else None

    def get_cache_key(self, request: Request, view: "APIView") -> str | None:
        return f"api-token-{request.auth.pk}" if request.auth else None
