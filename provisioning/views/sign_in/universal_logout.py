"""Universal Logout: a provider ends everything that lets a person in, at once.

Global Token Revocation, see provisioning/oidc/revocation.py.
"""

from typing import Final
from uuid import UUID

import jwt
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from people import strict_json, tenancy
from people.net.safe_http import OutboundError
from provisioning.models import IdentityProvider
from provisioning.oidc import revocation
from provisioning.oidc.urls_for_provider import revocation_url
from provisioning.sign_in import attempt_log
from provisioning.sign_in.attempt_log import Outcome
from provisioning.sign_in.revoke_access import revoke_access
from provisioning.views.sign_in.sign_in_test import provider_to_sign_in

NO_STORE: Final = {"Cache-Control": "no-store"}


@csrf_exempt
@require_POST
def global_token_revocation(request: HttpRequest, slug: str, provider_id: UUID) -> HttpResponse:
    """End all sessions, API tokens and links of the person in the request.

    The answer does not tell whether Ramp knows the person.
    """
    provider = provider_to_sign_in(request, slug, provider_id, kind=IdentityProvider.Kind.OIDC)
    with tenancy.use(provider.tenant_id):
        try:
            audience = revocation_url(provider)
            jti = revocation.token_id(provider, _bearer(request), audience=audience)
            subject = revocation.read_subject(provider, strict_json.read(request.body))
            # In one transaction: if it fails, the provider can send the token again.
            with transaction.atomic():
                revocation.use_up(provider, jti)
                person = revocation.person_of(provider, subject)
                if person:
                    revoke_access(provider, person, reason="Universal Logout")
        except jwt.PyJWTError as error:
            return _refused(provider, 401, "invalid_token", f"The token is invalid: {error}.")
        except strict_json.UnreadableJson as error:
            return _refused(provider, 400, "invalid_request", f"The body is not JSON: {error}.")
        except revocation.BadSubject as error:
            return _refused(provider, 400, "invalid_request", str(error))
        except OutboundError as error:
            return _refused(provider, 503, "temporarily_unavailable", str(error))
        attempt_log.log_attempt(
            Outcome.SIGNED_OUT,
            provider,
            person=person,
            subject=subject.subject,
            email=subject.email,
            detail=(
                "Universal Logout ended all sessions, API tokens and links."
                if person
                else "Universal Logout was requested for an unknown person. Nothing was changed."
            ),
        )
    return HttpResponse(status=204, headers=NO_STORE)


def _bearer(request: HttpRequest) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise jwt.InvalidTokenError("the header Authorization has no bearer token")
    return token.strip()


def _refused(provider: IdentityProvider, status: int, error: str, detail: str) -> HttpResponse:
    attempt_log.log_attempt(
        Outcome.REFUSED, provider, reason="revocation-refused", detail=f"Universal Logout. {detail}"
    )
    headers = dict(NO_STORE)
    if status == 401:
        # RFC 6750 section 3.
        headers["WWW-Authenticate"] = f'Bearer error="{error}"'
    if status == 503:
        headers["Retry-After"] = "30"
    body = {"error": error, "error_description": detail}
    return JsonResponse(body, status=status, headers=headers)
