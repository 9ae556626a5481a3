"""Requests of a provider to end all sessions of a person: Global Token Revocation.

draft-parecki-oauth-global-token-revocation, as Okta's Universal Logout uses it
(https://developer.okta.com/docs/guides/oin-universal-logout-overview/). The provider signs a JWT
with the keys of its discovery document, and names the person by a subject identifier (RFC 9493).
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import jwt
from django.db import IntegrityError, transaction
from django.utils import timezone

from people import hooks
from people.models import Person
from people.tokens import token_digest
from provisioning.models import IdentityProvider, UsedToken
from provisioning.oidc import discovery
from provisioning.oidc.discovery import SigningKey
from provisioning.providers.config import settings_of
from provisioning.sign_in.identity_lookup import person_with_subject

LEEWAY: Final = timedelta(seconds=60)
# Longer ones would have to be remembered as used for as long.
LONGEST_LIFE: Final = timedelta(days=1)
TYPES: Final = (None, "JWT", "global-token-revocation+jwt")


class BadSubject(ValueError):
    """The body of the request has no subject identifier that Ramp supports."""


@dataclass(frozen=True)
class Subject:
    """A subject identifier (RFC 9493) of the format `iss_sub` or `email`."""

    subject: str = ""
    email: str = ""


def token_id(provider: IdentityProvider, token: str, *, audience: str) -> str:
    """Check the provider's JWT, and return its id.

    :param audience: the URL that the request was sent to.
    :raises jwt.PyJWTError: if it is not one of this provider for this URL.
    :raises OutboundError: if the provider's keys are not available.
    """
    issuer = settings_of(provider).issuer
    keys = discovery.endpoints_of(issuer).jwks
    if jwt.get_unverified_header(token).get("typ") not in TYPES:
        raise jwt.InvalidTokenError("it is a token of another type")
    payload = discovery.verified(
        token, keys, lambda signing: _verified(token, signing, issuer, audience)
    )
    if payload["exp"] > (timezone.now() + LONGEST_LIFE).timestamp():
        raise jwt.InvalidTokenError("it is valid for more than a day")
    return str(payload["jti"])


def use_up(provider: IdentityProvider, jti: str) -> None:
    """Remember that the token with this id was used.

    :raises jwt.InvalidTokenError: if it was used before.
    """
    now = timezone.now()
    UsedToken.objects.filter(provider=provider, used_at__lt=now - LONGEST_LIFE - LEEWAY).delete()
    try:
        with transaction.atomic():
            UsedToken.objects.create(
                tenant_id=provider.tenant_id,
                provider=provider,
                digest=token_digest(jti),
                used_at=now,
            )
    except IntegrityError as error:
        raise jwt.InvalidTokenError("it was already used") from error


def read_subject(provider: IdentityProvider, body: Any) -> Subject:
    """Return the subject identifier in the body of the request.

    :raises BadSubject: if there is none, or in a format that Ramp does not support.
    """
    # `subject` is the name of the first drafts, which Auth0 still uses.
    subject_id = (body.get("sub_id") or body.get("subject")) if isinstance(body, dict) else None
    match subject_id:
        case {"format": "iss_sub", "iss": str(issuer), "sub": str(subject)} if subject:
            if issuer.rstrip("/") != settings_of(provider).issuer.rstrip("/"):
                raise BadSubject("The subject belongs to another issuer than this provider’s.")
            return Subject(subject=subject)
        case {"format": "email", "email": str(email)} if email:
            if not provider.is_paired:
                raise BadSubject(
                    "Ramp accepts an email address only from a provider that is paired with a "
                    "SCIM connection. Send the format iss_sub."
                )
            return Subject(email=email)
    raise BadSubject("Send sub_id in the format iss_sub or email (RFC 9493).")


def person_of(provider: IdentityProvider, subject: Subject) -> Person | None:
    """Return the person with this subject identifier; None if Ramp does not know them."""
    pairing = hooks.pairing()
    if subject.email:
        return pairing.person_with_address(provider.paired_connection, subject.email)
    known = person_with_subject(provider, subject.subject)
    if known is None and provider.paired_claim == "sub":
        # Somebody of the connection who has never signed in through this provider.
        by = (provider.paired_connection, provider.paired_attribute, subject.subject)
        return pairing.paired_person(*by)
    return known


def _verified(token: str, signing: SigningKey, issuer: str, audience: str) -> dict[str, Any]:
    payload: dict[str, Any] = jwt.decode(
        token,
        signing.key,
        algorithms=[signing.algorithm],
        # Providers differ in whether they keep the slash at the end of what was entered.
        audience=[audience, audience.rstrip("/")],
        issuer=[issuer, issuer.rstrip("/")],
        leeway=LEEWAY,
        options={"require": ["iss", "aud", "exp", "jti"]},
    )
    return payload
