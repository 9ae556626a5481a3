"""Authentication, scopes and rate limits of the API."""

from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from people import rate_limits, tenancy
from people.models import ApiToken, Person, Scope
from people.operations import api_tokens
from people.tokens import may_be_valid, token_digest
from people.views.permissions import is_tenant_admin

if TYPE_CHECKING:
    from rest_framework.views import APIView


CHALLENGE: Final = 'Bearer realm="Ramp API"'


def token_of(request: HttpRequest) -> ApiToken | None:
    """Return the token of the request if it is not revoked. It may have expired."""
    scheme, _, credentials = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    presented = credentials.strip()
    if scheme.lower() != "bearer" or not presented or not may_be_valid(presented, "api"):
        return None
    # The token tells which tenant is in force, so it is looked up among all tenants.
    with tenancy.across_tenants():
        # Expired tokens are included, so that the answer can say that the token has expired.
        in_force = ApiToken.objects.not_revoked().select_related("person__tenant")
        token: ApiToken | None = in_force.filter(digest=token_digest(presented)).first()
    return token


class BearerToken(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[Person, ApiToken]:
        token: ApiToken | None = getattr(request, "api_token", None)
        if token is None:
            raise exceptions.AuthenticationFailed(
                "Send a valid token as “Authorization: Bearer …”. Administrators create tokens "
                "on the API tokens page of Ramp."
            )
        if token.has_expired:
            raise exceptions.AuthenticationFailed(
                f"This token expired on {token.expires_at:%Y-%m-%d %H:%M} UTC. Create a new one on "
                "the API tokens page of Ramp.",
                code="token_expired",
            )
        api_tokens.record_api_token_use(token, timezone.now())
        return token.person, token

    def authenticate_header(self, request: Request) -> str:
        # Without this header, DRF would answer 403 instead of 401.
        return CHALLENGE


# drf-spectacular cannot describe an authentication class that it does not know.
class BearerTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = BearerToken
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A token of the API tokens page. Each operation names the scopes of "
            "which the token needs one.",
        }

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[str]]]:
        """Return one alternative for each scope, because the token needs only one of them."""
        return [{self.name: [scope]} for scope in scopes_of(auto_schema.view, auto_schema.method)]


class IsAdministrator(BasePermission):
    message = "The owner of this token is no longer an administrator."

    def has_permission(self, request: Request, view: "APIView") -> bool:
        return is_tenant_admin(request.user)


class HasScope(BasePermission):
    """Requires one of the scopes that the view's `scopes` lists for the method."""

    code = "insufficient_scope"
    message = ""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        needed = scopes_of(view, str(request.method))
        self.message = (
            f"This request needs a token with the scope {' or '.join(needed)}. Create one on the "
            "API tokens page of Ramp."
        )
        token = request.auth
        return not needed or (
            isinstance(token, ApiToken) and not set(needed).isdisjoint(token.scopes)
        )


def scopes_of(view: "APIView", method: str) -> tuple[Scope, ...]:
    """Return the scopes of which the method needs one; empty if it needs none."""
    # DRF answers HEAD with the view's `get`.
    scopes: dict[str, tuple[Scope, ...]] = getattr(view, "scopes", {})
    return scopes.get("GET" if method == "HEAD" else method, ())


class TokenRateThrottle(BaseThrottle):
    """Limits requests per token, over all web processes.

    DRF's own throttles read and write the list of all requests of the last minute each time.
    """

    def allow_request(self, request: Request, view: "APIView") -> bool:
        most: int = settings.API_REQUESTS_PER_MINUTE
        if not most or not request.auth:
            return True
        return rate_limits.count(f"api-token:{request.auth.pk}", seconds=60) <= most

    def wait(self) -> float:
        return rate_limits.seconds_left(60)
